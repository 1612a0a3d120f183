"""Children: a bounded number of processes, started when they are needed, used again, and replaced."""

import asyncio
from collections.abc import Awaitable, Callable

from .child import Child

_CLOSE_SECONDS = 2.0


class Children:
    """Up to *most* processes of one kind, each for one attempt at a time; who comes first is served first.

    It belongs to the event loop that first waits for it.
    """

    def __init__(self, most: int, start: Callable[[], Awaitable[Child]]) -> None:
        self._start = start
        self._free = asyncio.Semaphore(most)
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        self._dying: set[Child] = set()

    async def take(self) -> Child:
        """Return a child that has nothing to do; give it back.

        Raises:
            HandlerDied: none can be started.
        """
        await self._free.acquire()
        try:
            child = self._take_idle() or await self._start()
        except BaseException:
            self._free.release()
            raise
        self._busy.add(child)
        return child

    def give_back(self, child: Child, *, reusable: bool) -> None:
        """Let another attempt have *child*, or kill it, for another process to take its place."""
        self._busy.discard(child)
        if reusable:
            self._idle.append(child)
        else:
            self._kill(child)
        self._free.release()

    async def close(self) -> None:
        """Kill those that are busy, and let the others end: they are at the end of their input."""
        for child in self._busy:
            self._kill(child)
        idle, self._idle = self._idle, []
        await asyncio.gather(*(child.close(_CLOSE_SECONDS) for child in idle))
        await asyncio.gather(*(child.ended for child in self._dying))

    def _take_idle(self) -> Child | None:
        while self._idle:
            # The one that was busy last: what it has loaded is still in the caches.
            child = self._idle.pop()
            if child.idle:
                return child
            self._kill(child)
        return None

    def _kill(self, child: Child) -> None:
        child.kill()
        if not child.ended.done():
            self._dying.add(child)
            child.ended.add_done_callback(lambda _: self._dying.discard(child))
