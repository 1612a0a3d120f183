"""Grow-only set: elements are added on any node, and sets that have met are one."""

from typing import Any

from messenger.node import Node

node = Node()
elements: dict[Any, None] = {}


@node.on_init
def remember() -> None:
    elements.update(dict.fromkeys(node.journal.read()))


@node.on
def add(element: Any) -> dict[str, Any]:
    node.journal.write(element)
    elements[element] = None
    return {}


@node.on
def read() -> dict[str, Any]:
    return {"value": list(elements)}


@node.on
def merge(value: list[Any]) -> None:
    elements.update(dict.fromkeys(value))


@node.every(0.2)
def replicate() -> None:
    """Tell everybody everything; a message that is lost is made up for by the next."""
    node.broadcast({"type": "merge", "value": list(elements)})


if __name__ == "__main__":
    node.run()
