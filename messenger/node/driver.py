"""Driver: takes the steps of one coroutine after the other, and stands for the one that waits."""

import types
from collections.abc import Generator
from contextvars import Context
from typing import Any


class Driver:
    """Takes the steps of one coroutine after the other; while one waits, it stands for its answer.

    A generator that awaits a coroutine gets its answer from the interpreter as a value. Who calls `send` gets
    it as a StopIteration, which costs more than all the rest of a handler that does not wait.

    `send` gives it a coroutine, and takes its first step; `send(None)` takes the next. It returns the answer,
    or, where the driver then *waits*, what for. Of a coroutine that waits it knows the *request*, when that
    was read, what is *awaited*, and whether that lets it go on by itself, as a `Call` does (*carried*), or it
    takes a task. *context* and *current* are its context and current task where it has touched them; else it
    can go on in any.
    """

    __slots__ = (
        "awaited",
        "carried",
        "context",
        "current",
        "ends",
        "received_ns",
        "request",
        "send",
        "stage",
        "steps",
        "waits",
    )
    msg_id = None  # no body's msg_id is None: `dispatch` sees that this is none

    def __init__(self, stage: Any) -> None:
        self.stage = stage
        """Where its coroutines take their steps, a `Stage`."""
        self.waits = self.carried = False
        self.ends = False
        """Whether the coroutine that is driven now is the last: its answer ends the steps, as in a task."""
        self.context: Context | None = None
        self.current: Any = None
        self.request: Any = None
        self.awaited: Any = None
        self.received_ns = 0
        self.steps = _drive(self)
        self.send = self.steps.send
        self.send(None)  # to where it can be given a coroutine


@types.coroutine
def _drive(driver: Driver) -> Generator[Any, Any, Any]:
    answer = None
    while not driver.ends:
        coroutine = yield answer
        driver.waits = True
        answer = yield from coroutine
        driver.waits = False
    return answer
