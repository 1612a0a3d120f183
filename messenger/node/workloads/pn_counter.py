"""Counter: goes up and down on any node; a vector of what was added where merges by its maxima.

Source: M. Shapiro et al., "A comprehensive study of convergent and commutative replicated data types" (2011).
"""

from collections import Counter
from typing import Any

from messenger.node import Node

node = Node()
ups: Counter[str] = Counter()
downs: Counter[str] = Counter()


@node.on_init
def remember() -> None:
    for delta in node.journal.read():
        count(delta)


@node.on
def add(delta: int) -> dict[str, Any]:
    node.journal.write(delta)
    count(delta)
    return {}


def count(delta: int) -> None:
    vector = ups if delta > 0 else downs
    vector[node.node_id] += abs(delta)


@node.on
def read() -> dict[str, Any]:
    return {"value": ups.total() - downs.total()}


@node.on("merge")
def merge(up: dict[str, int], down: dict[str, int]) -> None:
    for mine, theirs in ((ups, up), (downs, down)):
        mine |= Counter(theirs)


@node.every(0.2)
def replicate() -> None:
    """Tell everybody everything; a message that is lost is made up for by the next."""
    node.broadcast({"type": "merge", "up": ups, "down": downs})


if __name__ == "__main__":
    node.run()
