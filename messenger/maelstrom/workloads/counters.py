"""Counters: what is added sums up, on every node, sooner or later."""

from collections.abc import Sequence
from typing import ClassVar

from msgspec import Struct

from ..checkers.counters import check
from ..findings import Findings
from ..history import Operation
from .workload import Body, Invocation, Nothing, Workload


class _ReadOk(Struct, frozen=True):
    value: int

    @property
    def result(self) -> int:
        return self.value


class PnCounter(Workload):
    """Clients add numbers from -5 to 4, and read, half and half."""

    replies: ClassVar = {"add": Nothing, "read": _ReadOk}
    delta_min = -5

    def invoke(self, client: str) -> Invocation:
        """Draw one of the two."""
        if self.random.random() < 0.5:
            return Invocation("read")
        return Invocation("add", self.random.randint(self.delta_min, 4))

    def request(self, invocation: Invocation) -> Body:
        """Write it."""
        if invocation.function == "read":
            return {"type": "read"}
        return {"type": "add", "delta": invocation.value}

    def finish(self, client: str, previous: Operation | None) -> Invocation | None:
        """Read once."""
        return Invocation("read") if previous is None else None

    def check(self, history: Sequence[Operation]) -> Findings:
        """Compare the final reads with what was added."""
        return check(history)


class GCounter(PnCounter):
    """Clients add numbers from 0 to 4, and read, half and half."""

    delta_min = 0
