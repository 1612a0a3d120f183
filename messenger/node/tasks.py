"""Handlers that wait: run at once up to their first wait, and on from there when its reply or event comes."""

import asyncio
import types
from asyncio import AbstractEventLoop, current_task, get_running_loop
from asyncio.tasks import _enter_task, _leave_task  # public: Python documents them in "Extending asyncio"
from collections.abc import Callable, Coroutine, Generator, Sequence
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

    def __init__(self, loop: AbstractEventLoop, stages: "Stages") -> None:
        self.loop = loop
        self._stages = stages
        self._depth = 0
        self._spare: list[_Driver] = []
        self.seat(_Driver())

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
        self._stages.current = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth:
            return
        self._stages.current = None
        _leave_task(self.loop, self.current)  # type: ignore[arg-type]
        if self._outer is not None:
            _enter_task(self.loop, self._outer)

    def first_step(self, steps: Coroutine[Any, Any, Any]) -> Any:
        """Take a coroutine's first step: return its answer, or `Parked` if that takes a wait."""
        try:
            answer = self.run(self.send, steps)
        except BaseException:
            self.clear()
            self.seat(_Driver())
            raise
        if self.steps.gi_yieldfrom is None:
            # Two contexts that share all they hold are compared in 30 ns, a copy costs twice that.
            if self.context != self.as_it_was:
                self.clear()
            return answer
        return self.park(answer)

    def park(self, awaited: Any) -> Parked:
        """Let who waits keep driver, context and stand-in, and have others for the next."""
        parked = Parked(self._driver, awaited, self.context, self.current)
        _leave_task(self.loop, self.current)  # type: ignore[arg-type]
        self.current = _CurrentTask()
        _enter_task(self.loop, self.current)  # type: ignore[arg-type]
        self.clear()
        self.seat(self._spare.pop() if self._spare else _Driver())
        return parked

    def next_step(self, parked: Parked, received_ns: int) -> Any:
        """Let who is parked go on, whose wait is over: return the answer, or `Parked` once more."""
        if not self._depth:
            with self:
                return self.next_step(parked, received_ns)
        loop, current, driver = self.loop, parked.current, parked.driver
        _leave_task(loop, self.current)  # type: ignore[arg-type]
        _enter_task(loop, current)
        try:
            answer = parked.context.run(driver.send, None)
        finally:
            _leave_task(loop, current)
            _enter_task(loop, self.current)  # type: ignore[arg-type]
        if driver.steps.gi_yieldfrom is None:
            self._spare.append(driver)
            return answer
        return Parked(driver, answer, parked.context, current, received_ns)

    def clear(self) -> None:
        """Have a context as it was when the batch began."""
        self.context = self.as_it_was.copy()
        self.run = self.context.run

    def seat(self, driver: "_Driver") -> None:
        """Let *driver* take the next first steps."""
        self._driver, self.steps, self.send = driver, driver.steps, driver.send


class _Driver:
    """Takes the steps of one coroutine after the other, and hands over their answers.

    A generator that awaits a coroutine gets its answer from the interpreter as a value. Who calls `send` gets
    it as a StopIteration, which costs more than all the rest of a handler that does not wait.
    """

    __slots__ = ("_last", "send", "steps")

    def __init__(self) -> None:
        self._last: list[bool] = []
        self.steps: Any = _drive(self._last)
        self.send = self.steps.send
        self.send(None)  # to where it can be given a coroutine

    def end(self) -> None:
        """Let the coroutine that is driven now be the last: its answer ends the steps, as a task expects."""
        self._last.append(True)


@types.coroutine
def _drive(last: list[bool]) -> Generator[Any, Any, Any]:
    answer = None
    while True:
        coroutine = yield answer
        answer = yield from coroutine
        if last:
            return answer


def until_first_wait(function: Coroutines, stages: "Stages", *, plain: bool = False) -> Callable[..., Any]:
    """Make a plain handler of a coroutine function: it returns the answer, or `Parked` at its first wait."""

    def handler(*arguments: Any, **fields: Any) -> Any:
        with stages.here() as stage:
            return stage.first_step(function(*arguments, **fields))

    def handler_of_body(body: Any) -> Any:
        """Do the same for what takes a body only, and faster: `first_step` is written out."""
        stage = stages.current
        if stage is None:
            return handler(body)
        try:
            answer = stage.run(stage.send, function(body))
        except BaseException:
            stage.clear()
            stage.seat(_Driver())
            raise
        if stage.steps.gi_yieldfrom is None:
            if stage.context != stage.as_it_was:
                stage.clear()
            return answer
        return stage.park(answer)

    return handler_of_body if plain else handler


class Stages:
    """The stages of the loops that a node is on, one after the other; *moved* hears of a new one."""

    def __init__(self, moved: Callable[[AbstractEventLoop], object]) -> None:
        self.current: Stage | None = None
        """The one that is entered now."""
        self._latest: Stage | None = None
        self._moved = moved

    def entered(self) -> AbstractContextManager[object]:
        """Enter the stage of the running loop; where none runs, handlers that wait fail, and only they."""
        try:
            return self.here()
        except RuntimeError:
            return nullcontext()

    def here(self) -> Stage:
        """Return the stage of the running loop.

        Raises:
            RuntimeError: no loop is running.
        """
        if self.current is not None:
            return self.current
        loop = get_running_loop()
        if self._latest is None or self._latest.loop is not loop:
            self._latest = Stage(loop, self)
            self._moved(loop)
        return self._latest


def blocking(function: Callable[..., Any], threads: Executor) -> Coroutines:
    """Make a coroutine function of one that blocks: it runs in a thread, with the caller's context."""

    def run(*arguments: Any, **fields: Any) -> Any:
        try:
            return function(*arguments, **fields)
        except StopIteration as error:  # which no future can hold
            raise RuntimeError("a handler raised StopIteration") from error

    async def handler(*arguments: Any, **fields: Any) -> Any:
        call = partial(copy_context().run, run, *arguments, **fields)
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
        parked.driver.end()
        steps = parked.driver.steps

        def first_wait(_: Any) -> Any:
            self.send = steps.send
            return parked.awaited

        self.send = first_wait
        self.throw = steps.throw
        self.close = steps.close

    def __await__(self) -> "_Rest":
        return self
