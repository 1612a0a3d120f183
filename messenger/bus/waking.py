"""Waking: how a thread, or a coroutine, sleeps until there is something to do, and is woken.

Whoever sleeps appends what wakes it to a list, looks once more, and sleeps; whoever has something to do
for it appends that, looks at the list, and wakes one. As each writes before it reads, no wake is lost. A
wake is called once, by whoever has popped it.
"""

import asyncio
import os
import select
import threading
from collections.abc import Callable
from contextlib import suppress
from math import ceil
from time import monotonic

Wake = Callable[[], None]

_LONGEST = 2_000_000.0  # seconds; the kernel counts no further, and who waits longer waits for ever


class _Bell(threading.local):
    """A pipe that wakes the thread it belongs to.

    A lock would do, and takes twice as long: the kernel knows that who writes to a pipe is about to wait,
    and lets the reader run where the writer ran, while one who waits for a lock is woken on another core.
    """

    def __init__(self) -> None:
        self._pipe = _Pipe()

    def wait(self, timeout: float | None) -> bool:
        """Wait for one `ring`, *timeout* seconds at most; False when none came."""
        pipe = self._pipe
        if not pipe.poll(None if timeout is None or timeout > _LONGEST else ceil(timeout * 1000)):
            return False
        os.read(pipe.reader, 1)
        return True

    @property
    def ring(self) -> Wake:
        """What wakes this thread, from another."""
        return self._pipe.ring


class _Pipe:
    def __init__(self) -> None:
        self.reader, self._writer = os.pipe()
        poll = select.poll()
        poll.register(self.reader, select.POLLIN)
        self.poll = poll.poll

    def ring(self) -> None:
        os.write(self._writer, b"!")

    def __del__(self) -> None:
        os.close(self.reader)
        os.close(self._writer)


_bell = _Bell()


def _new_bell() -> None:
    """Let a forked process have pipes of its own."""
    global _bell
    _bell = _Bell()


os.register_at_fork(after_in_child=_new_bell)


def wake_one(sleepers: list[Wake]) -> None:
    """Wake the one who went to sleep last, if anybody sleeps."""
    with suppress(IndexError):
        sleepers.pop()()


def wake_all(sleepers: list[Wake]) -> None:
    """Wake everybody."""
    while sleepers:
        wake_one(sleepers)


def sleep(sleepers: list[Wake], ready: Callable[[], object], timeout: float | None) -> None:
    """Let this thread sleep among *sleepers* until *ready*, *timeout* seconds at most."""
    ends = None if timeout is None else monotonic() + timeout
    bell = _bell
    while not ready():
        wake = bell.ring
        sleepers.append(wake)
        woken = False
        try:
            woken = not ready() and bell.wait(None if ends is None else max(ends - monotonic(), 0))
        finally:
            if not woken and not _get_up(sleepers, wake):
                bell.wait(None)  # whoever rings for us is about to
        if not woken:
            return


async def doze(sleepers: list[Wake], ready: Callable[[], object]) -> None:
    """Do the same in an event loop."""
    loop, here = asyncio.get_running_loop(), threading.get_ident()
    while not ready():
        called = loop.create_future()

        def answer(called: "asyncio.Future[None]" = called) -> None:
            if not called.done():
                called.set_result(None)

        def wake(answer: Wake = answer) -> None:
            if threading.get_ident() == here:
                answer()
            else:
                with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
                    loop.call_soon_threadsafe(answer)

        sleepers.append(wake)
        if ready():
            _get_up(sleepers, wake)
            return
        try:
            await called
        except asyncio.CancelledError:
            _get_up(sleepers, wake)
            raise


def _get_up(sleepers: list[Wake], wake: Wake) -> bool:
    """Leave *sleepers*; False if somebody wakes us already, which is passed on, for we will not look."""
    try:
        sleepers.remove(wake)
    except ValueError:
        wake_one(sleepers)
        return False
    return True
