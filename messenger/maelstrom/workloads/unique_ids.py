"""Unique ids: nodes make ids that no node makes again."""

from collections.abc import Sequence
from typing import Any, ClassVar

from msgspec import Struct

from ..checkers.unique_ids import check
from ..findings import Findings
from ..history import Operation
from .workload import Body, Invocation, Workload


class _GenerateOk(Struct, frozen=True):
    id: Any

    @property
    def result(self) -> Any:
        return self.id


class UniqueIds(Workload):
    """Clients ask for ids."""

    replies: ClassVar = {"generate": _GenerateOk}

    def invoke(self, client: str) -> Invocation:
        """Ask for an id."""
        return Invocation("generate")

    def request(self, invocation: Invocation) -> Body:
        """Write that."""
        return {"type": "generate"}

    def check(self, history: Sequence[Operation]) -> Findings:
        """Look for ids that came twice."""
        return check(history)
