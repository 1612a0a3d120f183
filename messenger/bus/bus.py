"""Bus: the contract that every transport keeps, for event loops.

A bus carries messages from whoever publishes to a subject to every subscription whose pattern matches it,
and to one of those that share a queue group. Whoever awaits an answer makes a request.

| | `inproc://` | `zmq+ipc://`, `zmq+tcp://` | `nats://` | `nats://`, `durable=` |
|---|---|---|---|---|
| order | of one publisher, by subject | the same | the same | the same, redeliveries aside |
| delivery | at most once | at most once | at most once | at least once |
| lost in a crash | with the process | what is under way | what is under way | nothing that was acknowledged |
| nobody listens | the message is gone | the same | the same | the stream keeps it |
| full, `block` | the publisher waits | the hub keeps as many again | nats-py keeps more | it comes later |

At most once means that a message may be lost where the table says so, and never comes twice. Order is
that in which one publisher published to one subject; between publishers, or between subjects, there is
none. What is dropped is counted (`Subscription.dropped`) and told to the error hook.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from inspect import isawaitable, iscoroutinefunction
from types import TracebackType
from typing import Any, Literal, Self, get_args

import msgspec

from .connection import DRAIN_SECONDS, Connection, Options, check_handler, not_kept
from .errors import Malformed
from .mailbox import Reader
from .message import LIMIT, TIMEOUT_SECONDS, Message, OnFull
from .subject import check_pattern, check_subject
from .subscription import Subscription
from .waking import wake_all

Handler = Callable[[Message], Awaitable[object] | object]
Leave = Callable[[bool], Awaitable[None]]


class Durable(msgspec.Struct, frozen=True, kw_only=True):
    """How a durable subscription remembers what it has acknowledged.

    name: whoever subscribes by it goes on where the last one stopped, and shares with those at work.
    start: where a new one begins, the first message of the stream, the next one, a sequence number (>= 1)
    or a time. ack_wait_seconds: after which what was not acknowledged comes again. deliveries_most: after
    which it goes to the subject *dead_letter* instead; "dead." and its own subject unless that is given.
    """

    name: str
    start: Literal["first", "next"] | int | datetime = "first"
    ack_wait_seconds: float = 30.0
    deliveries_most: int = 5
    dead_letter: str | None = None


class Wanted(msgspec.Struct, frozen=True):
    """What a subscription asks of its transport."""

    pattern: str
    queue_group: str | None
    limit: int
    on_full: OnFull
    durable: Durable | None = None

    def __post_init__(self) -> None:
        check_pattern(self.pattern)
        if not isinstance(self.limit, int):
            raise TypeError(f"limit={self.limit!r} is no number of messages")
        if self.limit < 1:
            raise ValueError(f"limit={self.limit} leaves room for no message; it is at least 1")
        if self.on_full not in get_args(OnFull):
            raise ValueError(f"on_full={self.on_full!r} is none of {', '.join(get_args(OnFull))}")
        if self.queue_group is not None:
            check_subject(self.queue_group)  # for what it may hold is the same


class Begun(Message, frozen=True):
    """A message whose handler was called where it arrived, and waits; *result* is what to wait for."""

    result: Awaitable[object] | None = None


class Bus(Connection[Leave], ABC):
    """A connection for one event loop; `async with` closes it, after what was published has left."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None and not self._closed:
                await self.flush()
        finally:
            await self.close()

    @abstractmethod
    async def publish(
        self,
        subject: str,
        message: object,
        *,
        headers: Mapping[str, str] | None = None,
        reply_to: str | None = None,
    ) -> None:
        """Send *message*, bytes or what msgspec can encode, to every subscription that *subject* concerns.

        Raises:
            BadSubject, TooLarge, Closed: nothing was sent.
            SlowConsumer: in process, a subscription is full and refuses; others may have got it.
        """

    async def publish_many(self, subject: str, messages: Iterable[object]) -> None:
        """Send *messages* to one subject, in their order; of those before one that raises, some have left."""
        for message in messages:
            await self.publish(subject, message)

    async def publish_durable(
        self,
        subject: str,
        message: object,
        *,
        id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> int:
        """Send *message* to the stream that keeps *subject*; returns its sequence number once it is stored.

        Two of one *id* within two minutes are stored once.

        Raises:
            Unsupported: this transport keeps no messages.
        """
        raise not_kept(f"cannot publish {subject!r} durably")

    async def subscribe(
        self,
        pattern: str,
        handler: Handler | None = None,
        *,
        queue_group: str | None = None,
        limit: int = LIMIT,
        on_full: OnFull = "block",
        type: Any = None,
        durable: str | Durable | None = None,
    ) -> Subscription:
        """Subscribe to the subjects that *pattern* matches; what is published after this returns, comes.

        With a *handler* each message is given to it, one after the other, and what it returns, unless
        that is None, is the reply. *limit*: messages that wait here; *on_full* is what happens to those
        beyond. *type*: what the data is decoded as, to `Message.value`. *durable*: for a stream's
        messages, which are to be acknowledged with `ack`; a handler acknowledges by returning, and
        refuses by raising.

        Raises:
            BadSubject, Closed: nothing was subscribed to; a *queue_group* is called like a subject.
            ValueError: *limit* is below 1, or *on_full* is none of what there is.
            Unsupported: this transport has no durable subscriptions.
        """
        self._check_open(f"subscribe to {pattern!r}")
        check_handler(handler)
        if isinstance(durable, str):
            durable = Durable(name=durable)
        reader, leave = await self._attach(Wanted(pattern, queue_group, limit, on_full, durable))

        async def part(forget: bool) -> None:
            if self._open.pop(reader, None):
                await leave(forget)

        self._open[reader] = part
        subscription = Subscription(pattern, reader, self._decoder(type), self._on_error, part)
        if handler is not None:
            self._attend(subscription, handler)
            task = asyncio.create_task(self._handle(subscription, handler))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return subscription

    @abstractmethod
    async def request(
        self,
        subject: str,
        message: object,
        timeout: float = TIMEOUT_SECONDS,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Message:
        """Send *message* and wait for one reply, *timeout* seconds at most.

        Raises:
            NoResponders: nobody subscribes to *subject*.
            RequestTimeout: no reply came in time.
        """

    async def reply(
        self, request: Message, message: object, *, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer *request*, if it expects an answer."""
        if request.reply_to is not None:
            await self.publish(request.reply_to, message, headers=headers)

    async def ack(self, message: Message) -> None:
        """Say that *message*, of a durable subscription, is dealt with, and must not come again."""
        raise not_kept("there is nothing to acknowledge")

    async def nak(self, message: Message, delay_seconds: float = 0.0) -> None:
        """Say that *message*, of a durable subscription, could not be dealt with, and is to come again."""
        raise not_kept("there is nothing to acknowledge")

    @abstractmethod
    async def flush(self) -> None:
        """Wait until everything published so far has left this process."""

    async def drain(self, timeout: float = DRAIN_SECONDS) -> None:
        """Take no more, let subscriptions be read to their end, *timeout* seconds at most, and close."""
        boxes = {reader.box for reader in self._open}
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    for leave in list(self._open.values()):
                        await leave(False)
                    for box in boxes:
                        await box.await_empty()
                    await asyncio.gather(*(self._tasks - {asyncio.current_task()}))
                    await self.flush()
        finally:
            await self.close()

    async def close(self) -> None:
        """End all subscriptions at once, handlers included."""
        if self._closed:
            return
        self._closed = True
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        for leave in list(self._open.values()):  # also ends handlers that miss it, as in `wait_for` of 3.11
            await leave(True)
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._shut()

    @abstractmethod
    async def _attach(self, wanted: Wanted) -> tuple[Reader[Message], Leave]:
        """Begin a subscription; returns who reads it, and what ends it."""

    @abstractmethod
    async def _shut(self) -> None:
        """Let go of what the connection holds."""

    def _attend(self, subscription: Subscription, handler: Handler) -> None:
        """Let a transport call a plain function at once; a task would take another turn of the loop.

        What it then calls, `Mailbox.attend`, returns the reply to send, if there is one.
        """
        if iscoroutinefunction(handler):
            return
        box = subscription.reader.box

        def attend(message: Message) -> Message | None:
            try:
                result = handler(subscription.valued(message))
                if isawaitable(result):
                    box.items.append(Begun(message.subject, b"", reply_to=message.reply_to, result=result))
                    wake_all(box.sleepers)
                elif result is not None and message.reply_to is not None:
                    return Message(message.reply_to, self._encode(result))
            except Malformed:
                pass  # the hook has been told
            except Exception as error:
                self._on_error(error)
            return None

        box.attend = attend

    async def _settle(self, message: Message, error: Exception | None) -> None:
        """Do what is to be done when a handler is through with *message*, because of *error* or in peace."""

    async def _handle(self, subscription: Subscription, handler: Handler) -> None:
        over = False
        while not over:
            try:
                async for message in subscription:
                    await self._handle_one(message, handler)
                over = True
            except Malformed:
                continue  # the hook has been told

    async def _handle_one(self, message: Message, handler: Handler) -> None:
        try:
            result = message.result if type(message) is Begun else handler(message)
            if result is not None and isawaitable(result):
                result = await result
            if result is not None:
                await self.reply(message, result)
        except Exception as error:
            self._on_error(error)
            await self._settle(message, error)
        else:
            await self._settle(message, None)
