"""Grow-only set: elements are added, and are never gone again."""

from collections.abc import Sequence
from random import Random
from typing import Any, ClassVar

from msgspec import Struct

from ..checkers.sets import check
from ..findings import Findings
from ..history import Operation
from .workload import Body, Invocation, Nothing, Options, Workload


class _ReadOk(Struct, frozen=True):
    value: list[Any]

    @property
    def result(self) -> list[Any]:
        return self.value


class GSet(Workload):
    """Clients add 0, 1, 2, ... and read, half and half."""

    replies: ClassVar = {"add": Nothing, "read": _ReadOk}

    def __init__(self, random: Random, options: Options) -> None:
        super().__init__(random, options)
        self._next = 0

    def invoke(self, client: str) -> Invocation:
        """Draw one of the two."""
        if self.random.random() < 0.5:
            return Invocation("read")
        self._next += 1
        return Invocation("add", self._next - 1)

    def request(self, invocation: Invocation) -> Body:
        """Write it."""
        if invocation.function == "read":
            return {"type": "read"}
        return {"type": "add", "element": invocation.value}

    def finish(self, client: str, previous: Operation | None) -> Invocation | None:
        """Read once."""
        return Invocation("read") if previous is None else None

    def check(self, history: Sequence[Operation]) -> Findings:
        """Look for elements that are lost, or that nobody added."""
        return check(history, adding="add")
