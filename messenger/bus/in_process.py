"""In process: `inproc://NAME` joins the threads and event loops of one process.

A message is an append to the deque of each subscription it concerns; nothing is copied, and nobody is
woken who is awake. The two `publish` are written out, for a call less is a tenth of what a message costs.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice, repeat

from .blocking_bus import BlockingBus
from .bus import Bus, Wanted
from .codec import check_headers
from .connection import REPLIES, Options, check_reply_to, late, nobody, not_kept
from .errors import Closed
from .exchange import Box, BoxRoutes, Exchange, join, part
from .mailbox import Reader
from .message import LARGEST_BYTES, TIMEOUT_SECONDS, Message
from .waking import Wake, sleep, wake_all, wake_one

_CHUNK = 1000  # messages


class _Shut(BoxRoutes):
    """What a closed connection finds, so that an open one need not ask whether it is."""

    def find(self, subject: str) -> tuple[Box, ...]:
        raise Closed(f"cannot publish to {subject!r}: this connection is closed; open another with connect()")


def _find(routes: BoxRoutes, exchange: Exchange, message: Message) -> tuple[Box, ...]:
    if str(message.subject).startswith(REPLIES) and not isinstance(routes, _Shut):
        exchange.answer(message)
        return ()
    return routes.find(message.subject)


def _chunks(
    encode: Callable[[object], bytes], subject: str, messages: Iterable[object]
) -> Iterator[list[Message]]:
    rest = iter(messages)
    while chunk := list(islice(rest, _CHUNK)):
        if set(map(type, chunk)) != {bytes} or max(map(len, chunk)) > LARGEST_BYTES:  # type: ignore[arg-type]
            chunk = list(map(encode, chunk))
        yield list(map(Message, repeat(subject), chunk))  # type: ignore[arg-type]


def _refuse_durable(wanted: Wanted) -> None:
    if wanted.durable:
        raise not_kept(f"cannot subscribe to {wanted.pattern!r} durably")


class InProcessBus(Bus):
    """A connection for one event loop."""

    def __init__(self, name: str, options: Options) -> None:
        super().__init__(options)
        self.url = f"inproc://{name}"
        self._exchange = join(name)
        self._routes: BoxRoutes = self._exchange.routes

    async def publish(
        self,
        subject: str,
        message: object,
        *,
        headers: Mapping[str, str] | None = None,
        reply_to: str | None = None,
    ) -> None:
        """Send *message*, waiting where a full subscription asks for it."""
        if type(message) is not bytes or len(message) > LARGEST_BYTES:
            message = self._encode(message)
        if headers is not None:
            headers = check_headers(headers)
        if reply_to is not None:
            check_reply_to(reply_to)
        envelope = Message(subject, message, headers, reply_to)
        try:
            items, append, limit, sleepers = self._routes.direct[subject]
        except KeyError:
            room = False
        else:
            room = len(items) < limit
        if room:  # what `put` does, without its call
            append(envelope)
            if sleepers:
                wake_one(sleepers)
        else:
            for box in self._routes.found.get(subject) or _find(self._routes, self._exchange, envelope):
                await _insist(box, envelope)

    async def publish_many(self, subject: str, messages: Iterable[object]) -> None:
        """Send *messages* to one subject in their order; whoever reads is woken for many at once."""
        self._check_open(f"publish to {subject!r}")
        for chunk in _chunks(self._encode, subject, messages):
            for box in self._exchange.deliver_many(subject, chunk):
                for envelope in chunk:
                    await _insist(box, envelope)

    async def request(
        self,
        subject: str,
        message: object,
        timeout: float = TIMEOUT_SECONDS,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Message:
        """Send *message* and wait for one reply, *timeout* seconds at most."""
        if not (self._routes.found.get(subject) or self._routes.find(subject)):
            raise nobody(subject)
        loop, here = asyncio.get_running_loop(), threading.get_ident()
        reply: asyncio.Future[Message] = loop.create_future()

        def settle(message: Message) -> None:
            if not reply.done():
                reply.set_result(message)

        def answer(message: Message) -> None:
            if threading.get_ident() == here:
                settle(message)
            else:
                with suppress(RuntimeError):  # the loop is closed
                    loop.call_soon_threadsafe(settle, message)

        def give_up() -> None:
            if not reply.done():
                reply.set_exception(late(subject, timeout))

        timer = loop.call_later(timeout, give_up)
        reply_to = self._exchange.ask(answer)
        try:
            await self.publish(subject, message, headers=headers, reply_to=reply_to)
            return await reply
        finally:
            timer.cancel()
            self._exchange.forget(reply_to)

    async def flush(self) -> None:
        """Return: what was published is delivered already."""
        self._check_open("flush")

    async def _attach(self, wanted: Wanted) -> tuple[Reader[Message], Callable[[bool], Awaitable[None]]]:
        _refuse_durable(wanted)
        reader = self._exchange.open(wanted, self._on_error)

        async def leave(forget: bool) -> None:
            self._exchange.leave(reader, wanted, forget=forget)

        return reader, leave

    async def _shut(self) -> None:
        self._routes = _Shut()
        part(self._exchange)


class BlockingInProcessBus(BlockingBus):
    """A connection for threads, any number of them."""

    def __init__(self, name: str, options: Options) -> None:
        super().__init__(options)
        self.url = f"inproc://{name}"
        self._exchange = join(name)
        self._routes: BoxRoutes = self._exchange.routes

    def publish(
        self,
        subject: str,
        message: object,
        *,
        headers: Mapping[str, str] | None = None,
        reply_to: str | None = None,
    ) -> None:
        """Send *message*, waiting where a full subscription asks for it."""
        if type(message) is not bytes or len(message) > LARGEST_BYTES:
            message = self._encode(message)
        if headers is not None:
            headers = check_headers(headers)
        if reply_to is not None:
            check_reply_to(reply_to)
        envelope = Message(subject, message, headers, reply_to)
        try:
            items, append, limit, sleepers = self._routes.direct[subject]
        except KeyError:
            room = False
        else:
            room = len(items) < limit
        if room:  # what `put` does, without its call
            append(envelope)
            if sleepers:
                wake_one(sleepers)
        else:
            for box in self._routes.found.get(subject) or _find(self._routes, self._exchange, envelope):
                _insist_now(box, envelope)

    def publish_many(self, subject: str, messages: Iterable[object]) -> None:
        """Send *messages* to one subject in their order; whoever reads is woken for many at once."""
        self._check_open(f"publish to {subject!r}")
        for chunk in _chunks(self._encode, subject, messages):
            for box in self._exchange.deliver_many(subject, chunk):
                for envelope in chunk:
                    _insist_now(box, envelope)

    def request(
        self,
        subject: str,
        message: object,
        timeout: float = TIMEOUT_SECONDS,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Message:
        """Send *message* and wait for one reply, *timeout* seconds at most."""
        if not (self._routes.found.get(subject) or self._routes.find(subject)):
            raise nobody(subject)
        replies: list[Message] = []
        waiting: list[Wake] = []

        def answer(message: Message) -> None:
            replies.append(message)
            wake_all(waiting)

        reply_to = self._exchange.ask(answer)
        try:
            self.publish(subject, message, headers=headers, reply_to=reply_to)
            sleep(waiting, lambda: replies, timeout)
        finally:
            self._exchange.forget(reply_to)
        if not replies:
            raise late(subject, timeout)
        return replies[0]

    def flush(self) -> None:
        """Return: what was published is delivered already."""
        self._check_open("flush")

    def _attach(self, wanted: Wanted) -> tuple[Reader[Message], Callable[[bool], None]]:
        _refuse_durable(wanted)
        reader = self._exchange.open(wanted, self._on_error)
        return reader, lambda forget: self._exchange.leave(reader, wanted, forget=forget)

    def _shut(self) -> None:
        self._routes = _Shut()
        part(self._exchange)


async def _insist(box: Box, envelope: Message) -> None:
    while not box.put(envelope):
        await box.await_room()


def _insist_now(box: Box, envelope: Message) -> None:
    while not box.put(envelope):
        box.wait_for_room()
