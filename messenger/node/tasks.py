"""Handlers that wait: run at once up to their first wait, and on from there when its reply or event comes."""

import asyncio
from asyncio import AbstractEventLoop, current_task, get_running_loop
from asyncio.tasks import _enter_task, _leave_task  # public: Python documents them in "Extending asyncio"
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Executor
from contextvars import Context, copy_context
from functools import partial
from inspect import isawaitable
from sys import getrefcount
from typing import Any, cast
from weakref import WeakKeyDictionary

from msgspec import UNSET, Struct

from .call import Call
from .calls import Calls
from .dispatch import msg_id_of
from .driver import Driver
from .message import InitOk

Coroutines = Callable[..., Coroutine[Any, Any, Any]]


class Stage:
    """Where handlers take the steps for which they need no task; held for a batch of them.

    A task costs several times what a step costs, and most handlers that may wait do not.  During a step a
    stand-in is the current task, also in place of a task that feeds the node.  Handlers take turns with one
    stand-in and one context, before and after they wait, as long as they leave the context as it was and
    keep no reference to the stand-in; who does not, takes both along when it waits.
    """

    def __init__(self, loop: AbstractEventLoop, stages: "Stages", calls: Calls) -> None:
        self.loop = loop
        self._stages = stages
        self._calls = calls
        """Those that let a handler go on by itself when they are answered."""
        self.run: Callable[..., Any] | None = None
        """What runs a step in another context than that of the batch, once a handler has touched this."""
        self.driver = Driver(self)
        """Who takes the next first steps."""
        self.spare: list[Driver] = []
        self._drivers = 0
        """How many there are beside that one."""

    def hold(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what *function* returns, with this as the stage on which handlers take their steps."""
        if self._stages.current is self:
            return function(*arguments)
        outer = current_task(self.loop)
        if outer is not None:
            _leave_task(self.loop, outer)
        self._as_it_was = copy_context()
        self.variables = [*self._as_it_was.items()]
        self.context = self._held = self._as_it_was.copy()
        self.run = None
        self.current = _CurrentTask()
        _enter_task(self.loop, self.current)  # type: ignore[arg-type]
        self.references = getrefcount(self.current)
        self._stages.current = self
        try:
            return self.context.run(function, *arguments)
        finally:
            self._stages.current = None
            _leave_task(self.loop, self.current)  # type: ignore[arg-type]
            if outer is not None:
                _enter_task(self.loop, outer)

    @property
    def in_flight(self) -> int:
        """How many handlers wait: as many as there are drivers that are neither spare nor next."""
        return self._drivers - len(self.spare)

    def wait(self, driver: Driver, awaited: Any) -> Driver:
        """Let who waits keep its driver, and what else is its own, and have another for the next."""
        driver.awaited = awaited
        driver.carried = carried = (
            type(awaited) is Call and awaited.waiting is None and awaited.calls is self._calls
        )
        if carried:
            awaited.waiting = driver
        if driver is self.driver:
            driver.received_ns = self._stages.received_ns
            if self.spare:
                self.driver = self.spare.pop()
            else:
                self.driver = Driver(self)
                self._drivers += 1
        if driver.current is None:
            # What _touched() says of a context without variables, and what it says of others.
            perhaps = self.variables or self.context or getrefcount(self.current) != self.references
            if not perhaps or not self._touched():
                return driver
            driver.context, driver.current = self.context, self.current
            self._have_others()
        driver.current.demand = self._stages.demanded, driver
        return driver

    def next_step(self, driver: Driver) -> Any:
        """Let who waits go on, whose wait is over: return the answer, or the driver if it waits once more."""
        stages = self._stages
        if stages.current is not self:
            return self.hold(self.next_step, driver)
        try:
            if driver.current is not None:
                answer = self._next_step_apart(driver)
            elif self.run is None:
                answer = driver.send(None)
            else:
                answer = self.run(driver.send, None)
        except BaseException:
            self._drivers -= 1
            self.refresh(driver.current)
            if msg_id_of(driver.request.body) is not UNSET:
                stages.late.append(driver.received_ns)
            raise
        if driver.waits:
            return self.wait(driver, answer)
        if driver.current is not None:
            self.refresh(driver.current)
            driver.context = driver.current = None
        elif self.variables or self.context or getrefcount(self.current) != self.references:
            self.refresh_if_touched()
        if answer is not None:
            stages.late.append(driver.received_ns)
        driver.request = driver.awaited = None
        self.spare.append(driver)
        return answer

    def refresh(self, current: "_CurrentTask | None" = None) -> None:
        """Go on without what a handler has touched that has ended; *current* if it had one of its own."""
        if current is None:
            current = self.current
            self._have_others()
        current.end()

    def refresh_if_touched(self) -> None:
        """Do so if there is anything that was touched."""
        if self._touched():
            self.refresh()

    def ended(self) -> None:
        """Know that a task is done, and its driver with it."""
        self._drivers -= 1

    def fresh(self) -> Context:
        """Return a context as it was when the batch began."""
        return self._as_it_was.copy()

    def _touched(self) -> bool:
        """Claim that the handler that took the last step has changed the context, or kept the stand-in."""
        context, variables = self.context, self.variables
        if len(context) != len(variables) or getrefcount(self.current) != self.references:
            return True
        for variable, value in variables:  # noqa: SIM110 - of which there are few, and any() takes longer
            # Not by ==, which asks the values: one that was replaced by its equal was replaced.
            if context.get(variable) is not value:
                return True
        return False

    def _next_step_apart(self, driver: Driver) -> Any:
        """Let a coroutine go on in the context, and as the task, that are its own."""
        assert driver.context is not None  # noqa: S101 - it has both or none
        driver.current.demand = None
        _leave_task(self.loop, self.current)  # type: ignore[arg-type]
        _enter_task(self.loop, driver.current)
        try:
            if driver.context is self._held:
                return driver.send(None)
            return driver.context.run(driver.send, None)
        finally:
            _leave_task(self.loop, driver.current)
            _enter_task(self.loop, self.current)  # type: ignore[arg-type]

    def _have_others(self) -> None:
        """Have another context and another stand-in than those that were touched."""
        self.context = self.fresh()
        self.run = self.context.run
        _leave_task(self.loop, self.current)  # type: ignore[arg-type]
        self.current = _CurrentTask()
        _enter_task(self.loop, self.current)  # type: ignore[arg-type]


def until_first_wait(function: Callable[[Any], Any], stages: "Stages") -> Callable[[Any], Any]:
    """Make a plain handler of one that returns a coroutine: what it returns is the answer, or a `Driver`."""

    def handler(body: Any) -> Any:
        stage = stages.current
        if stage is None:
            return stages.here().hold(handler, body)
        driver = stage.driver
        try:
            if stage.run is None:
                answer = driver.send(function(body))
            else:
                answer = stage.run(driver.send, function(body))
        except BaseException:
            stage.refresh()
            stage.driver = Driver(stage)
            raise
        if driver.waits:
            return stage.wait(driver, answer)
        # Stage._touched(), written out for a context without variables: a call would cost as much again.
        if stage.variables or stage.context or getrefcount(stage.current) != stage.references:
            stage.refresh_if_touched()
        return answer

    return handler


def in_fresh_context(function: Callable[[Any], Any], stages: "Stages") -> Callable[[Any], Any]:
    """Keep a handler that does not wait out of the context that those share which may."""

    def handler(body: Any) -> Any:
        stage = stages.current
        return function(body) if stage is None else stage.fresh().run(function, body)

    return handler


class Stages:
    """The stages of the loops that a node is on, one after the other.

    *moved* hears of a new one, *demanded* of a waiting handler that needs a task after all.
    """

    def __init__(
        self, moved: Callable[[AbstractEventLoop], Calls], demanded: Callable[[Driver], object]
    ) -> None:
        self.current: Stage | None = None
        """The one that is entered now."""
        self.received_ns = 0
        """When the requests were read whose handlers take their first steps now."""
        self.late: list[int] = []
        """When the requests were read that handlers have answered in this batch after they had waited."""
        self.demanded = demanded
        self._latest: Stage | None = None
        self._moved = moved

    @property
    def in_flight(self) -> int:
        """How many handlers wait on the latest of them."""
        return self._latest.in_flight if self._latest is not None else 0

    def hold(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Do as `Stage.hold` does; where no loop runs, handlers that wait fail, and only they."""
        try:
            stage = self.here()
        except RuntimeError:
            return function(*arguments)
        return stage.hold(function, *arguments)

    def here(self) -> Stage:
        """Return the stage of the running loop.

        Raises:
            RuntimeError: no loop is running.
        """
        if self.current is not None:
            return self.current
        loop = get_running_loop()
        if self._latest is None or self._latest.loop is not loop:
            self._latest = Stage(loop, self, self._moved(loop))
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
    turns: WeakKeyDictionary[AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    async def handler(*arguments: Any, **fields: Any) -> Any:
        async with turns.setdefault(get_running_loop(), asyncio.Lock()):
            return await function(*arguments, **fields)

    return handler


def hooks(
    functions: Sequence[Callable[[], Any]], done: Callable[[], object], failed: Callable[[], object]
) -> Coroutines:
    """Make the init handler that calls *functions* one after the other and awaits what they wait for."""

    async def handler(_: object) -> InitOk:
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


def resume(driver: Driver) -> "asyncio.Task[Any]":
    """Let a coroutine that waits go on as a task, which ends with its answer."""
    rest = cast(Coroutine[Any, Any, Any], _Rest(driver))
    task = get_running_loop().create_task(rest, context=driver.context)
    if driver.current is not None:
        driver.current.become(task)
    return task


class _CurrentTask(Struct, eq=False):
    """What `asyncio.current_task()` finds while there is no task.

    `asyncio.timeout` and `TaskGroup` remember it, and cancel it later: by then it passes everything on to
    a task, which is made for that if need be.
    """

    _task: Any = None
    demand: tuple[Callable[[Driver], object], Driver] | None = None
    """What makes a task of a handler that waits without one, and that handler."""
    _ended: bool = False

    def become(self, task: "asyncio.Task[Any]") -> None:
        self._task = task
        self.demand = None

    def end(self) -> None:
        """Be what a task is that is done."""
        self.demand = None
        self._ended = True

    def done(self) -> bool:
        return self._task.done() if self._task is not None else self._ended

    def cancel(self, msg: Any = None) -> bool:
        """Do as a task does; one that is done cannot be cancelled."""
        return not self.done() and self._made("cancel")(msg)

    def cancelling(self) -> int:
        return self._task.cancelling() if self._task else 0

    def __getattr__(self, name: str) -> Any:
        return self._made(name)

    def _made(self, name: str) -> Any:
        """Return an attribute of the task, which is made for that if need be."""
        if self._task is None and self.demand is not None:
            make, driver = self.demand
            make(driver)
        if self._task is None:
            when = "after its end" if self._ended else "before its first wait"
            raise RuntimeError(f"a handler's task has no {name} {when}")
        return getattr(self._task, name)


class _Rest:
    """What is left of a coroutine that waits, to asyncio a coroutine itself: its wait, then its own steps.

    Not a generator around them: a task that is cancelled before it starts throws the cancellation in
    at once, which a generator that has not started would keep from the handler.
    """

    __slots__ = ("close", "send", "throw")

    def __init__(self, driver: Driver) -> None:
        driver.ends = True
        steps, awaited = driver.steps, driver.awaited

        def first_wait(_: Any) -> Any:
            self.send = steps.send
            return awaited

        def throw(*error: Any) -> Any:
            if self.send is first_wait:
                # As a task does that is cancelled: what it waits for is given up.
                self.send = steps.send
                if asyncio.isfuture(awaited):
                    awaited.cancel()
            return steps.throw(*error)

        self.send = first_wait
        self.throw = throw
        self.close = steps.close

    def __await__(self) -> "_Rest":
        return self
