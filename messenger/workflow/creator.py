"""Creator: creates tasks; those that come while it is busy, together."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from . import store
from .session import Refused, Session
from .store import Created, NewTask

_MOST = 100
"""In one transaction: more would save little, and let the first wait for the last."""

_Waiting = list[tuple[NewTask, "asyncio.Future[Created]"]]


class Creator:
    """Creates tasks over the sessions that *take* gives: as many at once as came while all were taken."""

    def __init__(self, take: Callable[[], AbstractAsyncContextManager[Session]]) -> None:
        self._take = take
        self._waiting: _Waiting = []
        self._flushing: set[asyncio.Task[None]] = set()

    async def create(self, task: NewTask) -> Created:
        """Create *task*; when this is cancelled, it may be created all the same.

        Raises:
            Disconnected: it may have been created or not; with an identity key, trying again is safe.
            Refused: PostgreSQL cannot store its input.
        """
        future: asyncio.Future[Created] = asyncio.get_running_loop().create_future()
        self._waiting.append((task, future))
        if len(self._waiting) == 1:
            # A task of its own: others wait for it as well, and whoever began it may be cancelled.
            flushing = asyncio.create_task(self._flush())
            self._flushing.add(flushing)
            flushing.add_done_callback(self._flushing.discard)
        return await future

    async def _flush(self) -> None:
        async with self._take() as session:
            waiting, self._waiting = self._waiting, []
            for start in range(0, len(waiting), _MOST):
                await self._insert(session, waiting[start : start + _MOST])

    async def _insert(self, session: Session, waiting: _Waiting) -> None:
        try:
            created = await store.create_tasks(session, [task for task, _ in waiting])
        except Exception as error:
            if isinstance(error, Refused) and len(waiting) > 1:  # one of them is at fault
                for each in waiting:
                    await self._insert(session, [each])
                return
            for _, future in waiting:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), result in zip(waiting, created, strict=True):
            if not future.done():
                future.set_result(result)
