"""Logs: append-only, one for each key, kept by the node that the key belongs to.

The others pass requests on to that node, so that offsets are given by one hand and in order.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from zlib import crc32

from messenger.node import Node

node = Node()
logs: defaultdict[str, list[Any]] = defaultdict(list)
committed: dict[str, int] = {}


@node.on_init
def remember() -> None:
    for kind, key, value in node.journal.read():
        if kind == "send":
            logs[key].append(value)
        else:
            committed[key] = value


@node.on
async def send(key: str, msg: Any) -> dict[str, Any]:
    if (owner := owner_of(key)) != node.node_id:
        reply = await node.rpc(owner, {"type": "send", "key": key, "msg": msg})
        return {"offset": reply["offset"]}
    node.journal.write(("send", key, msg))
    logs[key].append(msg)
    return {"offset": len(logs[key]) - 1}


@node.on
async def poll(offsets: dict[str, int]) -> dict[str, Any]:
    mine, others = shares(offsets)
    found = {
        key: [[offset, msg] for offset, msg in enumerate(logs[key][start:], start)]
        for key, start in ((key, offsets[key]) for key in mine)
    }
    for owner, keys in others.items():
        body = {"type": "poll", "offsets": {key: offsets[key] for key in keys}}
        found |= (await node.rpc(owner, body))["msgs"]
    return {"msgs": found}


@node.on
async def commit_offsets(offsets: dict[str, int]) -> dict[str, Any]:
    mine, others = shares(offsets)
    later = {key: max(offsets[key], committed.get(key, 0)) for key in mine}
    node.journal.write(*(("commit", key, offset) for key, offset in later.items()))
    committed.update(later)
    for owner, keys in others.items():
        await node.rpc(owner, {"type": "commit_offsets", "offsets": {key: offsets[key] for key in keys}})
    return {}


@node.on
async def list_committed_offsets(keys: list[str]) -> dict[str, Any]:
    mine, others = shares(keys)
    found = {key: committed[key] for key in mine if key in committed}
    for owner, theirs in others.items():
        found |= (await node.rpc(owner, {"type": "list_committed_offsets", "keys": theirs}))["offsets"]
    return {"offsets": found}


def owner_of(key: str) -> str:
    """Say which node keeps the log of *key*; hash() would say something else on every node."""
    return node.node_ids[crc32(key.encode()) % len(node.node_ids)]


def shares(keys: Iterable[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Return the keys that this node keeps, and those of each other node."""
    by_owner: defaultdict[str, list[str]] = defaultdict(list)
    for key in keys:
        by_owner[owner_of(key)].append(key)
    return by_owner.pop(node.node_id, []), by_owner


if __name__ == "__main__":
    node.run()
