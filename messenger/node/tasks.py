"""Handlers that wait: run at once up to their first wait, and on from there when its reply or event comes."""

import asyncio
from asyncio import AbstractEventLoop, current_task, get_running_loop
from asyncio.tasks import _enter_task, _leave_task  # public: Python documents them in "Extending asyncio"
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from functools import partial
from inspect import isawaitable
from types import TracebackType
from typing import Any, Self, cast

from msgspec import Struct

from .later import Parked
from .message import InitOk

Coroutines = Callable[..., Coroutine[Any, Any, Any]]


class Stage:
    """Where handlers take the steps for which they need no task; entered for a batch of them.

    A task costs several times what a step costs, and most handlers that may wait do not.  During a step a
    stand-in is the current task, also in place of a task that feeds the node.  Handlers that never wait
    take turns with one stand-in and one context, as long as they leave the context as it was; who waits
    takes both along.
    """

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.loop = loop
        self._depth = 0

    def __enter__(self) -> Self:
        self._depth += 1
        if self._depth > 1:
            return self
        self._outer = current_task(self.loop)
        if self._outer is not None:
            _leave_task(self.loop, self._outer)
        self.as_it_was = copy_context()
        self.current = _CurrentTask()
        self.clear()
        _enter_task(self.loop, self.current)  # type: ignore[arg-type]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth:
            return
        _leave_task(self.loop, self.current)  # type: ignore[arg-type]
        if self._outer is not None:
            _enter_task(self.loop, self._outer)

    def first_step(self, steps: Coroutine[Any, Any, Any]) -> Any:
        """Take a coroutine's first step: return its answer, or `Parked` if that takes a wait."""
        try:
            awaited = self.run(steps.send, None)
        except StopIteration as stop:
            # Two contexts that share all they hold are compared in 30 ns, a copy costs twice that.
            if self.context != self.as_it_was:
                self.clear()
            return stop.value
        except BaseException:
            self.clear()
            raise
        return self.park(steps, awaited)

    def park(self, steps: Coroutine[Any, Any, Any], awaited: Any) -> Parked:
        """Let a coroutine keep context and stand-in, and have others for the next."""
        parked = Parked(steps, awaited, self.context, self.current)
        _leave_task(self.loop, self.current)  # type: ignore[arg-type]
        self.current = _CurrentTask()
        _enter_task(self.loop, self.current)  # type: ignore[arg-type]
        self.clear()
        return parked

    def next_step(self, parked: Parked, received_ns: int) -> Any:
        """Let a parked coroutine go on, whose wait is over: return its answer, or `Parked` once more."""
        if not self._depth:
            with self:
                return self.next_step(parked, received_ns)
        loop, current = self.loop, parked.current
        _leave_task(loop, self.current)  # type: ignore[arg-type]
        _enter_task(loop, current)
        try:
            awaited = parked.context.run(parked.coroutine.send, None)
        except StopIteration as stop:
            return stop.value
        finally:
            _leave_task(loop, current)
            _enter_task(loop, self.current)  # type: ignore[arg-type]
        return Parked(parked.coroutine, awaited, parked.context, current, received_ns)

    def clear(self) -> None:
        """Have a context as it was when the batch began."""
        self.context = self.as_it_was.copy()
        self.run = self.context.run


def until_first_wait(function: Coroutines, stages: "Stages", *, plain: bool = False) -> Callable[..., Any]:
    """Make a plain handler of a coroutine function: it returns the answer, or `Parked` at its first wait."""

    def handler(*arguments: Any, **fields: Any) -> Any:
        stage = stages.current
        if stage is None:
            raise RuntimeError("no event loop is running, which a handler that waits needs")
        return stage.first_step(function(*arguments, **fields))

    def handler_of_body(body: Any) -> Any:
        """Do the same for what takes a body only, in half the time: three calls are written out."""
        stage = stages.current
        if stage is None:
            return handler(body)
        steps = function(body)
        try:
            awaited = stage.run(steps.send, None)
        except StopIteration as stop:
            if stage.context != stage.as_it_was:
                stage.clear()
            return stop.value
        except BaseException:
            stage.clear()
            raise
        return stage.park(steps, awaited)

    return handler_of_body if plain else handler


class Stages:
    """The stage of the loop that a node is on; *moved* hears of a new one."""

    def __init__(self, moved: Callable[[AbstractEventLoop], object]) -> None:
        self.current: Stage | None = None
        self._moved = moved

    def entered(self) -> AbstractContextManager[object]:
        """Enter the stage of the running loop; where none runs, handlers that wait fail, and only they."""
        try:
            return self.here()
        except RuntimeError:
            self.current = None
            return nullcontext()

    def here(self) -> Stage:
        """Return the stage of the running loop.

        Raises:
            RuntimeError: no loop is running.
        """
        loop = get_running_loop()
        if self.current is None or self.current.loop is not loop:
            self.current = Stage(loop)
            self._moved(loop)
        return self.current


def blocking(function: Callable[..., Any], threads: Executor) -> Coroutines:
    """Make a coroutine function of one that blocks: it runs in a thread, with the caller's context."""

    async def handler(*arguments: Any, **fields: Any) -> Any:
        call = partial(copy_context().run, function, *arguments, **fields)
        return await get_running_loop().run_in_executor(threads, call)

    return handler


def sequential(function: Coroutines) -> Coroutines:
    """Let one call of *function* end before the next begins, in the order in which they came."""
    turn = asyncio.Lock()

    async def handler(*arguments: Any, **fields: Any) -> Any:
        async with turn:
            return await function(*arguments, **fields)

    return handler


def hooks(
    functions: Sequence[Callable[[], Any]], done: Callable[[], object], failed: Callable[[], object]
) -> Coroutines:
    """Make the init handler that calls *functions* one after the other and awaits what they wait for."""

    async def handler() -> InitOk:
        try:
            for function in functions:
                if isawaitable(result := function()):
                    await result
        except BaseException:
            failed()
            raise
        done()
        return InitOk()

    return handler


def resume(parked: Parked) -> "asyncio.Task[Any]":
    """Let a parked coroutine go on as a task, which ends with its answer."""
    rest = cast(Coroutine[Any, Any, Any], _Rest(parked))
    task = get_running_loop().create_task(rest, context=parked.context)
    parked.current.become(task)
    return task


class _CurrentTask(Struct, eq=False):
    """What `asyncio.current_task()` finds while there is no task.

    `asyncio.timeout` and `TaskGroup` remember it, and cancel it later: by then it passes everything on to
    a task, which is made for that if need be.
    """

    _task: Any = None
    demand: tuple[Callable[[Any], object], Any] | None = None
    """What makes a task of a handler that waits without one, and its argument."""

    def become(self, task: "asyncio.Task[Any]") -> None:
        self._task = task
        self.demand = None

    def cancelling(self) -> int:
        return self._task.cancelling() if self._task else 0

    def __getattr__(self, name: str) -> Any:
        if self._task is None and self.demand is not None:
            make, of_what = self.demand
            make(of_what)
        if self._task is None:
            raise RuntimeError(f"a handler's task has no {name} before its first wait")
        return getattr(self._task, name)


class _Rest:
    """What is left of a parked coroutine, to asyncio a coroutine itself: its next wait, then its own steps.

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
