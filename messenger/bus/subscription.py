"""Subscription: messages as somebody reads them, one after the other or all that are there."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice, repeat, starmap
from time import monotonic
from typing import Any, Generic, TypeVar

from .errors import Malformed
from .mailbox import Reader
from .message import Message

Decode = Callable[[str, bytes], Any]
OnError = Callable[[Exception], None]
Leave = TypeVar("Leave")


class Reading(Generic[Leave]):
    """What both kinds of subscription know.

    pattern: the subjects it concerns. leave: ends it, forgetting what was not read or not.
    """

    def __init__(
        self,
        pattern: str,
        reader: Reader[Message],
        decode: Decode | None,
        on_error: OnError,
        leave: Leave,
    ) -> None:
        self.pattern, self.reader = pattern, reader
        self._decode, self._on_error, self._leave = decode, on_error, leave

    @property
    def dropped(self) -> int:
        """Count what was lost because nobody fetched it in time; a queue group counts together."""
        return self.reader.box.dropped

    @property
    def pending(self) -> int:
        """Count what waits to be fetched."""
        return len(self.reader.box.items)

    def valued(self, message: Message) -> Message:
        """Return *message* with its value, if the subscription has a type.

        Raises:
            Malformed: it does not fit; the error hook was told.
        """
        if (decode := self._decode) is None:
            return message
        subject, data = message.subject, message.data
        try:
            value = decode(subject, data)
        except Malformed as error:
            self._on_error(error)
            raise
        return Message(subject, data, message.headers, message.reply_to, value)

    def _fitting(self, messages: Iterable[Message]) -> Iterator[Message]:
        for message in messages:
            with suppress(Malformed):  # the hook has been told
                yield self.valued(message)


class Subscription(Reading[Callable[[bool], Awaitable[None]]]):
    """Messages for an event loop: `async for message in subscription`, or one with `get`.

    Iteration ends when the subscription is closed, or drained and read to its end. A message that does
    not fit its type raises `Malformed` where it is received and is told to the error hook; the next one
    is not affected.
    """

    async def __aiter__(self) -> AsyncIterator[Message]:
        """Yield messages as they come."""
        reader, valued = self.reader, self._decode and self.valued
        items, box = reader.box.items, reader.box
        pops = starmap(items.popleft, repeat(()))
        while not reader.ended:
            try:
                for message in islice(pops, min(len(items), reader.turn)):
                    yield valued(message) if valued else message
            except IndexError:  # another of the group was quicker
                pass
            if box.blocked or box.sleepers:
                box.hand_on()
            if items:
                await asyncio.sleep(0)
            elif not await reader.wait_async() and reader.over:
                return

    async def get(self, timeout: float | None = None) -> Message | None:
        """Return the next message; None when *timeout* seconds have passed, or nothing will come.

        Raises:
            Malformed: it does not fit the type that was asked for; the next one is not affected.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while await self.reader.wait_async() or not self.reader.over:
                    if taken := self.reader.take_one():
                        return self.valued(taken)
        return None

    async def batches(self) -> AsyncIterator[list[Message]]:
        """Yield all that is there as soon as there is something, without what does not fit its type."""
        while await self.reader.wait_async() or not self.reader.over:
            taken = self.reader.take_all()
            if fitting := taken if self._decode is None else list(self._fitting(taken)):
                yield fitting
            await asyncio.sleep(0)

    async def drain(self) -> None:
        """Take no more, and end when what has come is read."""
        await self._leave(False)

    async def close(self) -> None:
        """Take no more, and end at once."""
        await self._leave(True)


class BlockingSubscription(Reading[Callable[[bool], None]]):
    """Messages for threads: `for message in subscription`, or one with `get`; see `Subscription`."""

    def __iter__(self) -> Iterator[Message]:
        """Yield messages as they come, and wait between them."""
        return self._taken() if self._decode is None else map(self.valued, self._taken())

    def get(self, timeout: float | None = None) -> Message | None:
        """Return the next message; None when *timeout* seconds have passed, or nothing will come.

        Raises:
            Malformed: it does not fit the type that was asked for; the next one is not affected.
        """
        ends = None if timeout is None else monotonic() + timeout
        while self.reader.wait(None if ends is None else max(ends - monotonic(), 0.0)):
            if taken := self.reader.take_one():  # else another of the group was quicker
                return self.valued(taken)
        return None

    def batches(self) -> Iterator[list[Message]]:
        """Yield all that is there as soon as there is something, without what does not fit its type."""
        while self.reader.wait() or not self.reader.over:
            taken = self.reader.take_all()
            if fitting := taken if self._decode is None else list(self._fitting(taken)):
                yield fitting

    def drain(self) -> None:
        """Take no more, and end when what has come is read."""
        self._leave(False)

    def close(self) -> None:
        """Take no more, and end at once."""
        self._leave(True)

    def _taken(self) -> Iterator[Message]:
        reader, box = self.reader, self.reader.box
        items = box.items
        pops = starmap(items.popleft, repeat(()))
        while not reader.ended:
            with suppress(IndexError):  # another of the group was quicker
                yield from islice(pops, min(len(items), reader.turn))
            if box.blocked or box.sleepers:
                box.hand_on()
            if not items and not reader.wait() and reader.over:
                return
