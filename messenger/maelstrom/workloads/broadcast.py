"""Broadcast: a message that one node gets is told to all."""

from collections.abc import Sequence
from random import Random
from typing import Any, ClassVar

from msgspec import Struct

from ..checkers.sets import check
from ..findings import Findings
from ..history import Operation
from ..topologies import TOPOLOGIES
from .workload import Body, Invocation, Nothing, Options, Workload


class _ReadOk(Struct, frozen=True):
    messages: list[Any]

    @property
    def result(self) -> list[Any]:
        return self.messages


class Broadcast(Workload):
    """Clients broadcast 0, 1, 2, ... and read, half and half; each node is told its neighbours first."""

    replies: ClassVar = {"broadcast": Nothing, "read": _ReadOk}

    def __init__(self, random: Random, options: Options) -> None:
        super().__init__(random, options)
        self._next = 0

    def prepare(self) -> Body:
        """Tell a node who its neighbours are."""
        neighbours = TOPOLOGIES[self.options.topology](self.options.nodes)
        return {"type": "topology", "topology": neighbours}

    def invoke(self, client: str) -> Invocation:
        """Draw one of the two."""
        if self.random.random() < 0.5:
            return Invocation("read")
        self._next += 1
        return Invocation("broadcast", self._next - 1)

    def request(self, invocation: Invocation) -> Body:
        """Write it."""
        if invocation.function == "read":
            return {"type": "read"}
        return {"type": "broadcast", "message": invocation.value}

    def finish(self, client: str, previous: Operation | None) -> Invocation | None:
        """Read once."""
        return Invocation("read") if previous is None else None

    def check(self, history: Sequence[Operation]) -> Findings:
        """Look for messages that are lost, or that nobody sent."""
        return check(history, adding="broadcast")
