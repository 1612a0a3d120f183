"""Watcher: waits for tasks to end."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress

from . import store
from .doorbell import FINISHED, Doorbell, PostgresDoorbell
from .errors import WorkflowError
from .postgres.connection import CannotConnect
from .session import Disconnected, Session

_MOST_RECENT = 10_000


class Watcher:
    """Tells when tasks have ended: by notification, and by looking, should one have been lost."""

    def __init__(
        self, url: str, take: Callable[[], AbstractAsyncContextManager[Session]], poll_seconds: float
    ) -> None:
        self._take = take
        self._poll_seconds = poll_seconds
        self._doorbell: Doorbell = PostgresDoorbell(url, {FINISHED: self._finished})
        self._waiting: dict[int, set[asyncio.Future[None]]] = {}
        self._recent: dict[int, None] = {}
        """Tasks that nobody waited for yet: one may end before its creator knows its number."""
        self._look = asyncio.Event()
        self._polling: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Begin to listen; `wait` does it when this was not done, and a task may end in between.

        Raises:
            CannotConnect: the database is not there.
        """
        async with self._starting:
            if self._polling is None:
                await self._doorbell.start()
                self._polling = asyncio.create_task(self._poll(), name="watcher")

    async def stop(self) -> None:
        """Listen no more; whoever still waits gets a WorkflowError."""
        await self._doorbell.stop()
        for future in [future for waiting in self._waiting.values() for future in waiting]:
            if not future.done():
                future.set_exception(
                    WorkflowError("the client was closed while it waited for the end of a task")
                )
        if self._polling is not None:
            self._polling.cancel()
            with suppress(asyncio.CancelledError):
                await self._polling

    async def wait(self, task_id: int, *, watched: bool = False) -> None:
        """Return when the task has ended; *watched* says that it was created so since `start`."""
        await self.start()
        if watched and self._recent.pop(task_id, 0) is None:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(task_id, set()).add(future)
        try:
            if not watched:
                async with self._take() as session:
                    await store.watch_tasks(session, [task_id])
                    if await store.ended_tasks(session, [task_id]):
                        return
            await future
        finally:
            others = self._waiting[task_id]
            others.discard(future)
            if not others:
                del self._waiting[task_id]

    def _finished(self, task_id: str | None) -> None:
        if task_id is None:
            self._look.set()
        else:
            self._tell(int(task_id))

    def _tell(self, task_id: int) -> None:
        if task_id not in self._waiting:
            self._recent[task_id] = None
            if len(self._recent) > _MOST_RECENT:
                del self._recent[next(iter(self._recent))]
            return
        for future in self._waiting[task_id]:
            if not future.done():
                future.set_result(None)

    async def _poll(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._look.wait()
            self._look.clear()
            if self._waiting:
                with suppress(Disconnected, CannotConnect):
                    async with self._take() as session:
                        ended = await store.ended_tasks(session, list(self._waiting))
                    for task_id in ended:
                        self._tell(task_id)
