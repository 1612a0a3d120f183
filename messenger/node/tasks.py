"""Handlers that wait: run at once up to their first wait, as an asyncio task from there on."""

import asyncio
from asyncio import current_task, get_running_loop
from asyncio.tasks import _enter_task, _leave_task  # public: Python documents them in "Extending asyncio"
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any, cast

from .later import Parked


def until_first_wait(function: Callable[[Any], Coroutine[Any, Any, Any]]) -> Callable[[Any], Any]:
    """Make a plain handler of a coroutine function: it returns the answer, or `Parked` if that takes a wait.

    A task costs several times what the step costs, and most handlers that may wait do not.  During the
    step a stand-in is the current task, also in place of a task that feeds the node.
    """

    def handler(body: Any) -> Any:
        steps = function(body)
        context = copy_context()
        loop = get_running_loop()
        outer = current_task(loop)
        current = _CurrentTask()
        if outer is not None:
            _leave_task(loop, outer)
        _enter_task(loop, current)  # type: ignore[arg-type]
        try:
            awaited = context.run(steps.send, None)
        except StopIteration as stop:
            return stop.value
        finally:
            _leave_task(loop, current)  # type: ignore[arg-type]
            if outer is not None:
                _enter_task(loop, outer)
        return Parked(steps, awaited, context, current)

    return handler


def resume(parked: Parked) -> "asyncio.Task[Any]":
    """Let a parked coroutine go on, as a task that ends with its answer."""
    rest = cast(Coroutine[Any, Any, Any], _Rest(parked))
    task = get_running_loop().create_task(rest, context=parked.context)
    parked.current.become(task)
    return task


class _CurrentTask:
    """What `asyncio.current_task()` finds during the first step, before there is a task.

    `asyncio.timeout` and `TaskGroup` remember it, and cancel it later: by then it passes everything on.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[Any] | None = None

    def become(self, task: "asyncio.Task[Any]") -> None:
        self._task = task

    def cancelling(self) -> int:
        return self._task.cancelling() if self._task else 0

    def __getattr__(self, name: str) -> Any:
        if self._task is None:
            raise RuntimeError(f"a handler's task has no {name} before its first wait")
        return getattr(self._task, name)


class _Rest:
    """What is left of a parked coroutine, to asyncio a coroutine itself: its first wait, then its own steps.

    Not a generator around them: a task that is cancelled before it starts throws the cancellation in
    at once, which a generator that has not started would keep from the handler.
    """

    __slots__ = ("close", "send", "throw")

    def __init__(self, parked: Parked) -> None:
        steps = parked.coroutine

        def first_wait(_: Any) -> Any:
            self.send = steps.send
            return parked.awaited

        self.send = first_wait
        self.throw = steps.throw
        self.close = steps.close

    def __await__(self) -> "_Rest":
        return self
