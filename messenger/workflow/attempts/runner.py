"""Runner: runs attempts of handlers, each where its handler runs: on the loop, in threads, in processes."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Protocol, cast

from ..context import Context
from ..handlers import Handler
from .attempt import Attempt, Done, told, watched
from .deadlines import Deadlines
from .process_pool import ABANDONED, ProcessPool
from .thread_pool import ThreadJob, ThreadPool

_MOST_THREADS = 1000
_MOST_PROCESSES = 256

# How long tasks that were cancelled may take to end, when a runner is closed.
_CANCEL_SECONDS = 2.0


class _Place(Protocol):
    """What calls handlers in other processes: the pool, or a handler that has its own."""

    async def call(self, handler: Handler, context: Context, began: Callable[[], None]) -> Any: ...

    async def close(self) -> None: ...


class Runner:
    """Runs handlers, for the event loop that first runs one.

    Threads and processes are started when they are needed. Whoever runs more at once than there are
    threads, or processes, waits for one; an attempt's time begins when it has it.
    """

    def __init__(self, *, threads: int = 32, processes: int | None = None) -> None:
        self._threads = _checked("threads", threads, _MOST_THREADS)
        self._processes = _checked("processes", _cores() if processes is None else processes, _MOST_PROCESSES)
        self._running: set[Attempt] = set()
        self._drained: asyncio.Event | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._places: set[_Place] = set()
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._deadlines: Deadlines
        self._thread_pool: ThreadPool
        self._process_pool: ProcessPool

    def __len__(self) -> int:
        return len(self._running)

    def run(
        self, handler: Handler, context: Context, timeout_seconds: float, done: Done
    ) -> Callable[[], None]:
        """Run *handler* once; *done* gets what it returned and None, or None and why it did not.

        To be called on the loop's thread, where *done* is called exactly once, and before this returns if
        the handler does not wait. What is returned abandons the attempt: *done* is not called any more, a
        coroutine is cancelled, a thread or a process is told with its next heartbeat, a process that
        goes on for 5 s is killed, and so is a subprocess at once.

        After a timeout, *done* gets a `TimedOut` at once, also if a coroutine does not let itself be
        cancelled. A process is killed and replaced; a thread cannot be, so it is replaced, see
        `ThreadPool`. *done* gets a `HandlerDied` of a process that ends in an attempt, and of a handler that
        raises `SystemExit`. `KeyboardInterrupt` on the loop is the keyboard's, and is let through.
        """
        if self._closed:
            raise RuntimeError("this runner is closed; make another")
        if handler.runs_in != "loop":
            return self._run_elsewhere(handler, context, timeout_seconds, done)
        try:
            returned = handler.function(context)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            done(None, told(handler, error))
            return _nothing
        if hasattr(returned, "__await__"):
            return self._await(handler, returned, timeout_seconds, done)
        done(returned, None)
        return _nothing

    async def close(self, drain_seconds: float = 0.0) -> int:
        """Let what runs end within *drain_seconds*, abandon the rest, and return how many that were.

        Processes have ended then; threads whose handlers hang have not, and end with this process.
        """
        self._closed = True
        if self._loop is None:
            return 0
        await self._drain(drain_seconds)
        abandoned = list(self._running)
        for attempt in abandoned:
            attempt.abandon()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CANCEL_SECONDS)
        for place in (self._process_pool, *self._places):
            await place.close()
        self._thread_pool.close()
        self._deadlines.close()
        return len(abandoned)

    async def _drain(self, seconds: float) -> None:
        self._drained = asyncio.Event()
        if self._running and seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._drained.wait(), seconds)

    def _await(
        self, handler: Handler, awaitable: Awaitable[Any], timeout_seconds: float, done: Done
    ) -> Callable[[], None]:
        task = _started(_guarded(handler, awaitable), self._opened(), handler.name)
        if task.done():
            done(*_outcome(handler, task))
            return _nothing
        attempt = self._attempt(handler, timeout_seconds, done)
        attempt.begin()
        return self._follow(attempt, task)

    def _run_elsewhere(
        self, handler: Handler, context: Context, timeout_seconds: float, done: Done
    ) -> Callable[[], None]:
        loop = self._opened()
        attempt = self._attempt(handler, timeout_seconds, done)
        if handler.runs_in == "thread":
            job = ThreadJob(handler.function, watched(context, attempt), attempt.begin, attempt.finish)
            attempt.stop = lambda timed_out: self._thread_pool.give_up(job)
            self._thread_pool.submit(job)
            return attempt.abandon
        place: _Place = self._process_pool
        if handler.runs_in == "subprocess":
            place = cast(_Place, handler.function)
            self._places.add(place)
        # Not eagerly: what comes first is to wait for a process, and whoever has come before goes first.
        task = loop.create_task(place.call(handler, context, attempt.begin), name=handler.name)
        return self._follow(attempt, task)

    def _follow(self, attempt: Attempt, task: asyncio.Task[Any]) -> Callable[[], None]:
        def settle(task: asyncio.Task[Any]) -> None:
            self._tasks.discard(task)
            attempt.finish(*_outcome(attempt.handler, task))

        self._tasks.add(task)
        task.add_done_callback(settle)
        attempt.stop = lambda timed_out: _cancel(task, timed_out)
        return attempt.abandon

    def _attempt(self, handler: Handler, timeout_seconds: float, done: Done) -> Attempt:
        attempt = Attempt(handler, timeout_seconds, done, self._deadlines, self._forget)
        self._running.add(attempt)
        return attempt

    def _forget(self, attempt: Attempt) -> None:
        self._running.discard(attempt)
        if self._drained is not None and not self._running:
            self._drained.set()

    def _opened(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._deadlines = Deadlines(self._loop)
            self._thread_pool = ThreadPool(self._threads, self._loop)
            self._process_pool = ProcessPool(self._processes)
        return self._loop


def _started(
    coroutine: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop, name: str
) -> asyncio.Task[Any]:
    """Make a task of *coroutine* that has done its first step, where Python can.

    A handler that does not wait then takes 0.6 us of the loop rather than 2.2. Before Python 3.12, only
    stepping it by hand could do that, and `asyncio.timeout` in the handler would find the worker's task,
    and cancel that.
    """
    if sys.version_info >= (3, 12):
        return asyncio.Task(coroutine, loop=loop, name=name, eager_start=True)
    return loop.create_task(coroutine, name=name)


async def _guarded(handler: Handler, awaitable: Awaitable[Any]) -> Any:
    try:
        return await awaitable
    except SystemExit as error:  # a task would pass it on to the loop, and end the worker
        raise told(handler, error) from error


def _outcome(handler: Handler, task: asyncio.Task[Any]) -> tuple[Any, BaseException | None]:
    if task.cancelled():
        return None, told(handler, asyncio.CancelledError())
    if (error := task.exception()) is not None:
        return None, told(handler, error)
    return task.result(), None


def _cancel(task: asyncio.Task[Any], timed_out: bool) -> None:
    task.cancel(None if timed_out else ABANDONED)


def _nothing() -> None:
    """Abandon what is over."""


def _checked(name: str, number: int, most: int) -> int:
    if not 1 <= number <= most:
        raise ValueError(f"{name} is {number}; give a number from 1 to {most:,}")
    return number


def _cores() -> int:
    return min(len(os.sched_getaffinity(0)), _MOST_PROCESSES)
