"""Together: does for many what each asks for alone, when they ask while the database is busy."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeVar

from .session import Refused, Session

_MOST = 100
"""In one call: more would save little, and let the first wait for the last."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Together(Generic[_Item, _Result]):
    """Calls *call* with a session that *take* gives and all items that came while none was to be had.

    It returns a result for each item, in order.
    """

    def __init__(
        self,
        take: Callable[[], AbstractAsyncContextManager[Session]],
        call: Callable[[Session, Sequence[_Item]], Awaitable[Sequence[_Result]]],
    ) -> None:
        self._take = take
        self._call = call
        self._waiting: list[tuple[_Item, asyncio.Future[_Result]]] = []
        self._flushing: set[asyncio.Task[None]] = set()

    async def ask(self, item: _Item) -> _Result:
        """Return the result for *item*; when this is cancelled, the call may be made all the same.

        Raises what the call does. Where the database refuses one item, the others are called with alone.
        """
        future: asyncio.Future[_Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
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
                await self._do(session, waiting[start : start + _MOST])

    async def _do(self, session: Session, waiting: list[tuple[_Item, "asyncio.Future[_Result]"]]) -> None:
        try:
            results = await self._call(session, [item for item, _ in waiting])
        except Exception as error:
            if isinstance(error, Refused) and len(waiting) > 1:
                for each in waiting:
                    await self._do(session, [each])
                return
            for _, future in waiting:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), result in zip(waiting, results, strict=True):
            if not future.done():
                future.set_result(result)
