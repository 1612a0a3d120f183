"""Timers: what a node does by itself, from its initialisation on."""

import random
from asyncio import AbstractEventLoop, Task, TimerHandle
from collections.abc import Awaitable, Callable
from functools import partial
from inspect import isawaitable
from typing import Any

from msgspec import Struct


class Timer(Struct, frozen=True):
    """A function that is called after some seconds, or every so many.

    Each time a random part of *jitter* times the seconds is added or taken away, so that nodes that began
    together do not speak together.
    """

    function: Callable[[], Awaitable[object] | object]
    seconds: float
    jitter: float
    repeated: bool

    def __post_init__(self) -> None:
        if not self.seconds > 0 or not 0 <= self.jitter <= 1:
            raise ValueError(
                f"a timer of {self.seconds} s with a jitter of {self.jitter}; "
                "seconds must be more than 0, and jitter from 0 to 1"
            )


class Timers:
    """The timers of one node on its loop; *failed* hears of what a function raises."""

    def __init__(self, failed: Callable[[str, BaseException], object]) -> None:
        self._failed = failed
        self._timers: list[Timer] = []
        self._handles: dict[Timer, TimerHandle] = {}
        self._tasks: set[Task[Any]] = set()
        self._loop: AbstractEventLoop | None = None
        self._chance = random.Random()

    def __len__(self) -> int:
        """Count the timers."""
        return len(self._timers)

    def add(self, timer: Timer) -> None:
        """Let *timer* run; at once, where the others run already."""
        self._timers.append(timer)
        if self._loop is not None:
            self._set(timer)

    def start(self, loop: AbstractEventLoop) -> None:
        """Let all timers run from now on, if they do not yet."""
        if self._loop is loop:
            return
        self._loop = loop
        for timer in self._timers:
            self._set(timer)

    def stop(self) -> None:
        """Let no timer run any more, and cancel what they have begun."""
        self._loop = None
        for handle in self._handles.values():
            handle.cancel()
        self._handles.clear()
        for task in self._tasks:
            task.cancel()

    def _set(self, timer: Timer) -> None:
        assert self._loop is not None  # noqa: S101 - our own bug
        part = 1 + timer.jitter * self._chance.uniform(-1, 1)
        self._handles[timer] = self._loop.call_later(timer.seconds * part, self._ring, timer)

    def _ring(self, timer: Timer) -> None:
        """Call the function; the next time is counted from the end of this one, so none overtakes itself."""
        if self._loop is None:
            return
        try:
            result = timer.function()
        except Exception as error:
            self._failed(f"the timer {_name(timer)} failed", error)
            result = None
        if isawaitable(result):
            task = self._loop.create_task(_completed(result))
            self._tasks.add(task)
            task.add_done_callback(partial(self._done, timer))
        elif timer.repeated:
            self._set(timer)

    def _done(self, timer: Timer, task: "Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(f"the timer {_name(timer)} failed", error)
        if timer.repeated and self._loop is not None:
            self._set(timer)


async def _completed(awaitable: Awaitable[object]) -> object:
    return await awaitable


def _name(timer: Timer) -> str:
    return getattr(timer.function, "__name__", repr(timer.function))
