"""Transactions on lists: strictly serializable, because all data hang from one root in lin-kv.

A transaction reads the root, reads the lists that it names, writes new ones under names of their own, and
swings the root over; if another one was faster, that fails and all is done again.  While lin-kv cannot be
reached nothing is committed: this is not totally available, and cannot be.
"""

from itertools import count
from time import time_ns
from typing import Any

from messenger.node import KV, Node, PreconditionFailed, TransactionConflict

ROOT = "root"
ATTEMPTS = 20

node = Node()
roots = KV(node, "lin-kv")
lists = KV(node, "lin-kv")
started_ns = time_ns()
numbers = count()


@node.on
async def txn(txn: list[tuple[str, Any, Any]]) -> dict[str, Any]:
    for _ in range(ATTEMPTS):
        before = await roots.read(ROOT, default={})
        after, results = await apply(txn, before)
        if after == before:
            return {"txn": results}
        try:
            await roots.cas(ROOT, before, after, create_if_not_exists=True)
        except PreconditionFailed:
            continue
        return {"txn": results}
    raise TransactionConflict(f"{ATTEMPTS} others were faster; try again")


async def apply(
    operations: list[tuple[str, Any, Any]], root: dict[str, str]
) -> tuple[dict[str, str], list[Any]]:
    """Do *operations* on the lists that *root* names; return the new root, and what was read."""
    values: dict[str, list[Any]] = {}
    changed: set[str] = set()
    results: list[Any] = []
    for operation, key, value in operations:
        name = str(key)
        if name not in values:
            values[name] = await lists.read(root[name]) if name in root else []
        if operation == "append":
            values[name] = [*values[name], value]
            changed.add(name)
        results.append([operation, key, values[name] if operation == "r" else value])
    after = dict(root)
    for name in changed:
        after[name] = f"{node.node_id}-{started_ns}-{next(numbers)}"
        await lists.write(after[name], values[name])
    return after, results


if __name__ == "__main__":
    node.run()
