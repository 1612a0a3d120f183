"""What clients asked, what came back, and when."""

import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from .canonical import canonical


class Outcome(StrEnum):
    """What a client knows of an operation: it happened, it never will, or neither."""

    OK = "ok"
    FAIL = "fail"
    INFO = "info"


class Operation(Struct, frozen=True, kw_only=True):
    """One request of a client.

    *value* is what was asked, *result* what was answered.  An operation that is `INFO` may take effect
    at any time after `invoked_ns`, or never; its `completed_ns` is when the client gave up.
    """

    index: int
    client: str
    node: str
    function: str
    value: Any = None
    result: Any = None
    outcome: Outcome = Outcome.INFO
    invoked_ns: int
    completed_ns: int
    error_code: int | None = None
    error_text: str = ""
    final: bool = False

    @property
    def ok(self) -> bool:
        """Whether it happened for certain."""
        return self.outcome is Outcome.OK

    @property
    def indefinite(self) -> bool:
        """Whether nobody knows if it happened."""
        return self.outcome is Outcome.INFO


class Event(Struct, frozen=True, omit_defaults=True):
    """A line of the history's file: an operation begins (`invoke`), or ends (`ok`, `fail`, `info`)."""

    type: str
    time_ns: int
    index: int
    client: str
    node: str
    function: str
    value: Any = None
    error_code: int | None = None
    error_text: str = ""
    final: bool = False


class History:
    """Records operations as they begin and end; no two of these moments are the same nanosecond."""

    def __init__(self, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock_ns = clock_ns
        self._start_ns = clock_ns()
        self._last_ns = -1
        self._operations: list[Operation | None] = []

    def invoke(self, client: str, node: str, function: str, value: Any, *, final: bool = False) -> Operation:
        """Note that an operation begins; it counts as indefinite until it is completed."""
        now_ns = self._now_ns()
        operation = Operation(
            index=len(self._operations),
            client=client,
            node=node,
            function=function,
            value=value,
            invoked_ns=now_ns,
            completed_ns=now_ns,
            final=final,
        )
        self._operations.append(operation)
        return operation

    def complete(
        self,
        begun: Operation,
        outcome: Outcome,
        result: Any = None,
        *,
        error_code: int | None = None,
        error_text: str = "",
    ) -> Operation:
        """Note how *begun* ended."""
        operation = replace(
            begun,
            outcome=outcome,
            result=result,
            completed_ns=self._now_ns(),
            error_code=error_code,
            error_text=error_text,
        )
        self._operations[begun.index] = operation
        return operation

    def forget(self, indexes: set[int]) -> None:
        """Drop operations, as if nobody had asked; the others keep their indexes."""
        for index in indexes:
            self._operations[index] = None

    @property
    def operations(self) -> list[Operation]:
        """All operations in the order in which they began."""
        return [operation for operation in self._operations if operation is not None]

    def _now_ns(self) -> int:
        self._last_ns = max(self._last_ns + 1, self._clock_ns() - self._start_ns)
        return self._last_ns


def events_of(operations: Sequence[Operation]) -> list[Event]:
    """Return the beginnings and ends of *operations* in the order in which they happened."""
    events = []
    for operation in operations:
        who = (operation.index, operation.client, operation.node, operation.function)
        events.append(Event("invoke", operation.invoked_ns, *who, operation.value, final=operation.final))
        events.append(
            Event(
                operation.outcome.value,
                operation.completed_ns,
                *who,
                operation.result,
                operation.error_code,
                operation.error_text,
                operation.final,
            )
        )
    return sorted(events, key=lambda event: event.time_ns)


def describe(operation: Operation) -> str:
    """Write an operation as a line for people.

    >>> describe(Operation(index=4, client="c1", node="n0", function="add", value=7,
    ...                    outcome=Outcome.OK, invoked_ns=1_500_000, completed_ns=2_000_000))
    '#4 c1 -> n0 add 7: ok, 1.500 to 2.000 ms'
    """
    asked = "" if operation.value is None else f" {_short(operation.value)}"
    answered = "" if operation.result is None else f" {_short(operation.result)}"
    if operation.error_code is not None:
        answered = f" (error {operation.error_code}{': ' * bool(operation.error_text)}{operation.error_text})"
    return (
        f"#{operation.index} {operation.client} -> {operation.node} {operation.function}{asked}: "
        f"{operation.outcome}{answered}, "
        f"{operation.invoked_ns / 1e6:.3f} to {operation.completed_ns / 1e6:.3f} ms"
    )


def _short(value: Any, limit: int = 120) -> str:
    text = canonical(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
