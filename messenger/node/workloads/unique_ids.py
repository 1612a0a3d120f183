"""Unique ids: no two are alike, whichever node made them, before or after it was killed."""

from itertools import count
from time import time_ns
from typing import Any

from messenger.node import Node

node = Node()
started_ns = time_ns()
numbers = count()


@node.on
def generate() -> dict[str, Any]:
    return {"id": f"{node.node_id}-{started_ns}-{next(numbers)}"}


if __name__ == "__main__":
    node.run()
