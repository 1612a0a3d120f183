"""Blocking bus: the contract of `Bus` for threads, any number of them on one connection."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from threading import TIMEOUT_MAX
from time import monotonic
from types import TracebackType
from typing import Any, Self

from .bus import Durable, Wanted
from .connection import DRAIN_SECONDS, Connection, Options, check_handler, not_kept
from .errors import Malformed
from .mailbox import Reader
from .message import LIMIT, TIMEOUT_SECONDS, Message, OnFull
from .subscription import BlockingSubscription

Handler = Callable[[Message], object]
Leave = Callable[[bool], None]


class BlockingBus(Connection[Leave], ABC):
    """A connection for threads; `with` closes it. Every method does and raises what that of `Bus` does."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._threads: set[threading.Thread] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None and not self._closed:
                self.flush()
        finally:
            self.close()

    @abstractmethod
    def publish(
        self,
        subject: str,
        message: object,
        *,
        headers: Mapping[str, str] | None = None,
        reply_to: str | None = None,
    ) -> None:
        """Send *message* to every subscription that *subject* concerns."""

    def publish_many(self, subject: str, messages: Iterable[object]) -> None:
        """Send *messages* to one subject, in their order."""
        for message in messages:
            self.publish(subject, message)

    def publish_durable(
        self,
        subject: str,
        message: object,
        *,
        id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> int:
        """Send *message* to the stream that keeps *subject*; returns its sequence number."""
        raise not_kept(f"cannot publish {subject!r} durably")

    def subscribe(
        self,
        pattern: str,
        handler: Handler | None = None,
        *,
        queue_group: str | None = None,
        limit: int = LIMIT,
        on_full: OnFull = "block",
        type: Any = None,
        durable: str | Durable | None = None,
    ) -> BlockingSubscription:
        """Subscribe; with a *handler* a thread of its own gives each message to it."""
        self._check_open(f"subscribe to {pattern!r}")
        check_handler(handler)
        if isinstance(durable, str):
            durable = Durable(name=durable)
        reader, leave = self._attach(Wanted(pattern, queue_group, limit, on_full, durable))

        def part(forget: bool) -> None:
            if self._open.pop(reader, None):
                leave(forget)

        self._open[reader] = part
        subscription = BlockingSubscription(pattern, reader, self._decoder(type), self._on_error, part)
        if handler is not None:
            thread = threading.Thread(
                target=self._handle, args=(subscription, handler), name=f"bus {pattern}", daemon=True
            )
            self._threads.add(thread)
            thread.start()
        return subscription

    @abstractmethod
    def request(
        self,
        subject: str,
        message: object,
        timeout: float = TIMEOUT_SECONDS,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Message:
        """Send *message* and wait for one reply, *timeout* seconds at most."""

    def reply(self, request: Message, message: object, *, headers: Mapping[str, str] | None = None) -> None:
        """Answer *request*, if it expects an answer."""
        if request.reply_to is not None:
            self.publish(request.reply_to, message, headers=headers)

    def ack(self, message: Message) -> None:
        """Say that *message*, of a durable subscription, is dealt with."""
        raise not_kept("there is nothing to acknowledge")

    def nak(self, message: Message, delay_seconds: float = 0.0) -> None:
        """Say that *message*, of a durable subscription, is to come again."""
        raise not_kept("there is nothing to acknowledge")

    @abstractmethod
    def flush(self) -> None:
        """Wait until everything published so far has left this process."""

    def drain(self, timeout: float = DRAIN_SECONDS) -> None:
        """Take no more, let subscriptions be read to their end, *timeout* seconds at most, and close."""
        ends = monotonic() + timeout
        boxes = {reader.box for reader in self._open}
        try:
            for leave in list(self._open.values()):
                leave(False)
            for box in boxes:
                box.wait_until_empty(max(ends - monotonic(), 0))
            self._join(ends)
            self.flush()
        finally:
            self.close()

    def close(self) -> None:
        """End all subscriptions at once, and wait for the handlers that are at work, 10 seconds at most."""
        if self._closed:
            return
        self._closed = True
        for leave in list(self._open.values()):
            leave(True)
        self._join(monotonic() + DRAIN_SECONDS)
        self._shut()

    @abstractmethod
    def _attach(self, wanted: Wanted) -> tuple[Reader[Message], Leave]:
        """Begin a subscription; returns who reads it, and what ends it."""

    @abstractmethod
    def _shut(self) -> None:
        """Let go of what the connection holds."""

    def _settle(self, message: Message, error: Exception | None) -> None:
        """Do what is to be done when a handler is through with *message*, because of *error* or in peace."""

    def _join(self, ends: float) -> None:
        for thread in self._threads - {threading.current_thread()}:
            thread.join(min(max(ends - monotonic(), 0), TIMEOUT_MAX))

    def _handle(self, subscription: BlockingSubscription, handler: Handler) -> None:
        over = False
        while not over:
            try:
                for message in subscription:
                    self._handle_one(message, handler)
                over = True
            except Malformed:
                continue  # the hook has been told
        self._threads.discard(threading.current_thread())

    def _handle_one(self, message: Message, handler: Handler) -> None:
        try:
            result = handler(message)
            if result is not None:
                self.reply(message, result)
        except Exception as error:
            self._on_error(error)
            self._settle(message, error)
        else:
            self._settle(message, None)
