"""Echo: what a client sends comes back."""

from collections.abc import Sequence
from typing import Any, ClassVar

from msgspec import Struct

from ..checkers.echo import check
from ..findings import Findings
from ..history import Operation
from .workload import Body, Invocation, Workload


class _EchoOk(Struct, frozen=True):
    echo: Any

    @property
    def result(self) -> Any:
        return self.echo


class Echo(Workload):
    """Clients send payloads of a few kinds."""

    replies: ClassVar = {"echo": _EchoOk}

    def invoke(self, client: str) -> Invocation:
        """Draw a payload."""
        number = self.random.randrange(128)
        payloads = (f"Please echo {number}", number, [number, None, True], {"ünïcode": f"\\ {number} \n ✓"})
        return Invocation("echo", self.random.choices(payloads, weights=(7, 1, 1, 1))[0])

    def request(self, invocation: Invocation) -> Body:
        """Ask for the payload."""
        return {"type": "echo", "echo": invocation.value}

    def check(self, history: Sequence[Operation]) -> Findings:
        """Compare."""
        return check(history)
