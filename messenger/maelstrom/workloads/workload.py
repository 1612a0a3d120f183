"""What a workload says: which operations there are, how they look on the wire, and what may not happen."""

from collections.abc import Sequence
from random import Random
from typing import Any, ClassVar

import msgspec
from msgspec import Struct

from ..findings import Findings
from ..history import Operation

Body = dict[str, Any]


class Options(Struct, frozen=True, kw_only=True):
    """What a workload may be told."""

    nodes: tuple[str, ...] = ("n0",)
    topology: str = "grid"
    consistency_model: str = "read-committed"


class Invocation(Struct, frozen=True):
    """An operation to be: what a client is about to ask."""

    function: str
    value: Any = None


class Workload:
    """Draws operations from a source of chance, writes them as requests, and checks what came of them.

    It keeps what clients have to remember (which value to compare with, how far they have polled), does
    no I/O, and serves one test.
    """

    replies: ClassVar[dict[str, Any]]
    """The type of reply to each function; a reply that is not like that is a malformed one."""

    def __init__(self, random: Random, options: Options) -> None:
        self.random = random
        self.options = options

    def prepare(self) -> Body | None:
        """Return what each node is asked once, after init; None for nothing."""
        return None

    def invoke(self, client: str) -> Invocation:
        """Draw what *client* does next."""
        raise NotImplementedError

    def request(self, invocation: Invocation) -> Body:
        """Write an operation as the body of a request."""
        raise NotImplementedError

    def result(self, function: str, reply: Body) -> Any:
        """Take the result of an operation from the body of its reply.

        Raises:
            msgspec.ValidationError: a field is missing, or of another type.
        """
        return msgspec.convert(reply, self.replies[function]).result

    def learn(self, operation: Operation) -> None:
        """Remember what a completed operation has shown."""

    def finish(self, client: str, previous: Operation | None) -> Invocation | None:
        """Return what *client* does at the end, when all is quiet, after *previous*; None to be done."""
        return None

    def check(self, history: Sequence[Operation]) -> Findings:
        """Tell what is wrong with what has happened."""
        raise NotImplementedError


class Nothing(Struct, frozen=True):
    """A reply that says no more than its type."""

    @property
    def result(self) -> None:
        """Nothing."""


class Value(Struct, frozen=True):
    """A reply with any value."""

    value: Any

    @property
    def result(self) -> Any:
        """The value."""
        return self.value
