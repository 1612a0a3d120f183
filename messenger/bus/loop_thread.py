"""Loop thread: a bus for threads, over one whose event loop runs in a thread of its own."""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any, TypeVar

from .blocking_bus import BlockingBus
from .bus import Bus, Wanted
from .connection import Options
from .errors import Closed, Disconnected
from .mailbox import Mailbox, Reader
from .message import LIMIT, TIMEOUT_SECONDS, Message
from .subject import Routes

Result = TypeVar("Result")

SEND_SECONDS = 10.0  # after which what threads publish is given up, if none of it leaves


class LoopThreadBus(BlockingBus):
    """The blocking twin of a transport that is written for event loops.

    What threads publish waits in a mailbox, 65,536 messages at most, and the loop is woken once for all that
    has come meanwhile; what they subscribe to, they read from its mailbox themselves.
    """

    def __init__(self, open: Callable[[], Awaitable[Bus]], options: Options) -> None:
        super().__init__(options)
        self._pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bus loop", daemon=True)
        self._thread.start()
        try:
            self._bus = self._run(_awaited(open()))
        except BaseException:
            self._stop()
            raise
        self.url = self._bus.url
        self._checked: Routes[None] = Routes()  # subjects that are in order
        self._sent = 0
        self._outbox = Mailbox[Message]("what is to be published", LIMIT, "block", options.on_error)
        self._sending = asyncio.run_coroutine_threadsafe(self._send(), self._loop)

    def publish(
        self,
        subject: str,
        message: object,
        *,
        headers: Mapping[str, str] | None = None,
        reply_to: str | None = None,
    ) -> None:
        """Send *message*; waits while 65,536 have not left yet. The error hook hears of what fails later."""
        self._check_open(f"publish to {subject!r}")
        if subject not in self._checked.found:
            self._checked.find(subject)
        envelope = self._message(subject, message, headers, reply_to)
        while not self._outbox.put(envelope):
            self._outbox.wait_for_room()

    def publish_durable(
        self,
        subject: str,
        message: object,
        *,
        id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> int:
        """Send *message* to the stream that keeps *subject*; returns its sequence number."""
        self._check_open(f"publish to {subject!r}")
        return self._run(self._bus.publish_durable(subject, message, id=id, headers=headers))

    def request(
        self,
        subject: str,
        message: object,
        timeout: float = TIMEOUT_SECONDS,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Message:
        """Send *message* and wait for one reply, *timeout* seconds at most."""
        self._check_open(f"request {subject!r}")
        return self._run(self._bus.request(subject, self._encode(message), timeout, headers=headers))

    def ack(self, message: Message) -> None:
        """Say that *message*, of a durable subscription, is dealt with."""
        self._run(self._bus.ack(message))

    def nak(self, message: Message, delay_seconds: float = 0.0) -> None:
        """Say that *message*, of a durable subscription, is to come again."""
        self._run(self._bus.nak(message, delay_seconds))

    def flush(self) -> None:
        """Wait until everything published so far has left this process.

        Raises:
            Disconnected: for 10 seconds nothing did.
        """
        self._check_open("flush")
        if waiting := self._wait_until_sent():
            raise Disconnected(f"{waiting} messages wait to be sent to {self.url}, and none leaves")
        self._run(self._bus.flush())

    def _attach(self, wanted: Wanted) -> tuple[Reader[Message], Callable[[bool], None]]:
        reader, leave = self._run(self._bus._attach(wanted))
        return reader, lambda forget: self._run(_awaited(leave(forget)))

    def _shut(self) -> None:
        self._outbox.end()
        if waiting := self._wait_until_sent():
            self._sending.cancel()
            self._on_error(Disconnected(f"{waiting} messages to {self.url} have not left, and are lost"))
        with suppress(CancelledError):
            self._sending.result()
        self._run(self._bus.close())
        self._stop()

    def _wait_until_sent(self) -> int:
        """Wait while what was published leaves; returns how many do not."""
        before = -1
        while self._outbox.items and self._sent != before:
            before = self._sent
            self._outbox.wait_until_empty(SEND_SECONDS)
        return len(self._outbox.items)

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise Closed("an error hook cannot wait for its bus; hand on to another thread")
        if os.getpid() != self._pid:
            coroutine.close()
            raise Closed("this connection belongs to the process that has forked; connect() in this one")
        if self._loop.is_closed():
            coroutine.close()
            raise Closed("this connection is closed; open another with connect()")
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _send(self) -> None:
        """Publish what is in the outbox; it is empty only once all has been published."""
        items, reader = self._outbox.items, Reader(self._outbox)
        while await reader.wait_async():
            message = items[0]
            try:
                await self._bus.publish(
                    message.subject, message.data, headers=message.headers, reply_to=message.reply_to
                )
            except Exception as error:
                self._on_error(error)
            self._sent += 1
            reader.take_one()


async def _awaited(result: Awaitable[Result]) -> Result:
    return await result
