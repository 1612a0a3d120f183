"""Eager loop: an asyncio event loop that answers input while it waits; on Linux only."""

import asyncio
import os
from collections.abc import Callable
from contextvars import Context
from math import ceil
from select import epoll
from selectors import EpollSelector, SelectorKey
from time import monotonic
from typing import TypeVarTuple

Arguments = TypeVarTuple("Arguments")


class EagerLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop, which reads while it waits for something to happen; see `read_eagerly`.

    To a handler that may wait, a request takes two thirds of the time that it takes by way of a round of the
    loop. uvloop's rounds are as fast as this.
    """

    def __init__(self) -> None:
        self.has_news = False
        """Whether it has been given something to do since the last time it began to wait."""
        self._eager = _Selector(self)
        super().__init__(self._eager)

    def read_eagerly(self, fd: int, read: Callable[[], None]) -> None:
        """Call *read* as soon as *fd* is ready and nothing else is to do; it has to be a reader's already."""
        self._eager.fd, self._eager.read = fd, read

    def call_soon(
        self, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.Handle:
        """Do as every loop does."""
        self.has_news = True
        return super().call_soon(callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Do as every loop does."""
        self.has_news = True
        return super().call_at(when, callback, *args, context=context)


class _Selector(EpollSelector):
    """Does the reading in the midst of `select`: a round of the loop costs more than a request.

    The loop hears of it only when that has given it something to do.
    """

    def __init__(self, loop: EagerLoop) -> None:
        super().__init__()
        self._loop = loop
        # Of the descriptors that select() would have to look up, this needs to know one.
        self._epoll = epoll.fromfd(os.dup(self.fileno()))
        self.fd = -1
        self.read: Callable[[], None] = lambda: None

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        if timeout is not None and timeout <= 0:  # there is something to do
            return super().select(timeout)
        self._loop.has_news = False
        deadline = None if timeout is None else monotonic() + timeout
        while True:
            # As select() does: rounded up, or the loop would be back before it is time.
            ready = self._epoll.poll(None if timeout is None else ceil(timeout * 1e3) * 1e-3, 2)
            if len(ready) != 1 or ready[0][0] != self.fd:
                return super().select(0)
            self.read()
            if self._loop.has_news:
                return []
            if deadline is not None and (timeout := deadline - monotonic()) <= 0:
                return []

    def close(self) -> None:
        self._epoll.close()
        super().close()
