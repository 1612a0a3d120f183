"""Broadcast: every value reaches every node, sooner or later, and in few messages.

A node keeps for each neighbour what that may not have yet, and sends it in one batch ten times a second until
the neighbour says that it has it.  So nothing is lost in a partition, and a tree of nodes needs few messages.
"""

from collections import defaultdict
from typing import Any

from messenger.node import Message, Node, RPCError

node = Node()
seen: dict[Any, None] = {}
owed: defaultdict[str, dict[Any, None]] = defaultdict(dict)


@node.on_init
def remember() -> None:
    """Tell all that was known once more: who has heard of it before does not mind."""
    for values in node.journal.read():
        seen.update(dict.fromkeys(values))
    for neighbour in node.neighbours:
        owed[neighbour].update(seen)


@node.on
def broadcast(message: Any) -> dict[str, Any]:
    learn([message], node.node_id)
    return {}


@node.on
def read() -> dict[str, Any]:
    return {"messages": list(seen)}


@node.on
def gossip(values: list[Any], request: Message[Any]) -> dict[str, Any]:
    learn(values, request.src)
    return {}


def learn(values: list[Any], source: str) -> None:
    """Note what is new, and whom it has to be told."""
    new = dict.fromkeys(value for value in values if value not in seen)
    if new:
        node.journal.write(list(new))
    seen.update(new)
    for neighbour in node.neighbours:
        if neighbour != source:
            owed[neighbour].update(new)


@node.every(0.1)
async def tell() -> None:
    """Send each neighbour what it is owed; what it does not acknowledge is sent again the next time."""
    calls = []
    for neighbour, values in owed.items():
        if values:
            batch = list(values)
            calls.append((neighbour, batch, node.rpc(neighbour, {"type": "gossip", "values": batch})))
    for neighbour, batch, call in calls:
        try:
            await call
        except RPCError:
            continue
        for value in batch:
            owed[neighbour].pop(value, None)


if __name__ == "__main__":
    node.run()
