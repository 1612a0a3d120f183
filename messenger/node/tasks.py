"""Handlers that wait: run at once up to their first wait, as an asyncio task from there on."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import copy_context
from types import coroutine
from typing import Any

from .later import Parked


def until_first_wait(function: Callable[[Any], Coroutine[Any, Any, Any]]) -> Callable[[Any], Any]:
    """Make a plain handler of a coroutine function: it returns the answer, or `Parked` if that takes a wait.

    A task costs seven times what the step costs, and most handlers that may wait do not.
    """

    def handler(body: Any) -> Any:
        steps = function(body)
        loop = asyncio.get_running_loop()
        context = copy_context()
        current = _CurrentTask()
        asyncio._enter_task(loop, current)  # type: ignore[arg-type]  # documented for such stand-ins
        try:
            awaited = context.run(steps.send, None)
        except StopIteration as stop:
            return stop.value
        finally:
            asyncio._leave_task(loop, current)  # type: ignore[arg-type]
        return Parked(steps, awaited, context, current)

    return handler


def resume(parked: Parked) -> "asyncio.Task[Any]":
    """Let a parked coroutine go on, as a task that ends with its answer."""
    task = asyncio.get_running_loop().create_task(
        _rest(parked.coroutine, parked.awaited), context=parked.context
    )
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


@coroutine
def _rest(steps: Coroutine[Any, Any, Any], awaited: Any) -> Generator[Any, Any, Any]:
    """Wait for what *steps* waits for, then hand over to it."""
    while True:
        try:
            yield awaited
        except GeneratorExit:
            steps.close()
            raise
        except BaseException as error:
            try:
                awaited = steps.throw(error)
            except StopIteration as stop:
                return stop.value
        else:
            return (yield from steps)
