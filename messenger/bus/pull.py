"""Pull: how a durable subscription gets its messages.

It asks the stream for as many as it has room for, and again when half of them were read. The server pushing
them instead would need no asking, but it pushes to a subject, not to a process: what it sends to one that was
just killed, or while the connection is broken, waits for its acknowledgement to be overdue, and one slow
process holds up the others. Who does not ask gets nothing, and what was asked before a break is asked again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec
import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as NatsSubscription

from .bus import Durable
from .delivery import ACKNOWLEDGEMENTS
from .errors import BusError
from .mailbox import Mailbox
from .message import Message
from .nats_connection import Client

_PREFETCH_MOST = 256  # messages, so that those who share a durable name really do
_EXPIRES_SECONDS = 30.0
_HEARTBEAT_SECONDS = 5.0
_RETRY_SECONDS = 0.1
_RETRY_SECONDS_MOST = 2.0

Take = Callable[[Message], Awaitable[bool]]


class Pull:
    """What one connection takes of a durable subscription.

    What waits in *box* is kept from coming again; an acknowledgement is due once it is read. *take* is asked
    of each message whether it is to go there.
    """

    def __init__(
        self,
        client: Client,
        stream: str,
        durable: Durable,
        limit: int,
        box: Mailbox[Message],
        take: Take,
        on_error: Callable[[Exception], None],
    ) -> None:
        self._client, self.box, self._take, self._on_error = client, box, take, on_error
        self._what = f"{durable.name!r} of stream {stream!r}"
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable.name}"
        self._ack_wait_seconds = durable.ack_wait_seconds
        self._room = min(limit, _PREFETCH_MOST)
        box.limit = (self._room + 1) // 2  # at which it has room again, see `Mailbox.await_room`
        self._inbox = client.new_inbox()
        self._asked, self._times, self._failures = 0, 0, 0
        self._answered = asyncio.Event()
        self._heard = False
        self._told = ""
        self._over = False  # for nats-py may swallow a cancellation
        self._tasks: list[asyncio.Task[None]] = []
        self._incoming: NatsSubscription | None = None

    async def start(self) -> None:
        """Begin to ask."""
        self._incoming = await self._client.subscribe(f"{self._inbox}.*", cb=self._arrive)
        self._tasks = [asyncio.create_task(self._ask_on()), asyncio.create_task(self._hold())]

    def ask_again(self) -> None:
        """Ask again: what was asked before is forgotten."""
        self._asked = 0
        self._answered.set()

    async def stop(self) -> None:
        """Ask no more; what was sent until now is in the mailbox when this returns."""
        self._over = True
        asking, *_ = self._tasks
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        if self._incoming is not None:
            with suppress(nats.errors.Error):  # without a connection nothing comes any more
                await self._incoming.drain()  # type: ignore[no-untyped-call]
            self._client.forget(self._incoming)

    async def release(self) -> None:
        """Let go of everything, and of what was not read, so that others get it at once."""
        self._over = True
        self.box.ended = True
        unread = [self.box.items.popleft() for _ in range(len(self.box.items))]
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(nats.errors.Error):
            for message in unread:
                await self._client.publish(message.reply_to or "", b"-NAK")

    async def _ask_on(self) -> None:
        while not self._over:
            await self.box.await_room()
            self._asked = self._room - len(self.box.items)
            self._times += 1
            self._answered.clear()
            try:
                await self._client.publish(self._next, self._request(), self._reply_to())
                await self._answer()
            except nats.errors.OutboundBufferLimitError:
                self._failures += 1
            except nats.errors.Error:
                return  # the connection was closed, which others tell
            if self._failures:
                await asyncio.sleep(min(_RETRY_SECONDS * 2 ** min(self._failures, 10), _RETRY_SECONDS_MOST))

    def _request(self) -> bytes:
        return msgspec.json.encode(
            {
                "batch": self._asked,
                "expires": int(_EXPIRES_SECONDS * 1e9),
                "idle_heartbeat": int(_HEARTBEAT_SECONDS * 1e9),
            }
        )

    def _reply_to(self) -> str:
        return f"{self._inbox}.{self._times}"

    async def _answer(self) -> None:
        """Wait until all has come that was asked, or nothing is to be expected any more."""
        self._heard = True
        while self._heard and not self._answered.is_set():
            self._heard = False
            with suppress(TimeoutError):
                async with asyncio.timeout(2 * _HEARTBEAT_SECONDS):
                    await self._answered.wait()

    async def _arrive(self, message: Msg) -> None:
        self._heard = True
        if not message.reply.startswith(ACKNOWLEDGEMENTS):
            self._hear(message)
            return
        self._failures, self._told = 0, ""
        self._asked -= 1
        try:
            received = Message(message.subject, message.data, message.headers, message.reply)
            if await self._take(received):
                self.box.accept(received)
        finally:
            if self._asked <= 0:
                self._answered.set()

    def _hear(self, message: Msg) -> None:
        """Take a status message, unless it is of an earlier request."""
        headers = message.headers or {}
        status = headers.get("Status", "")
        if message.subject != self._reply_to() or status == "100":  # a heartbeat
            return
        if status not in ("404", "408"):  # nothing there for as long as was asked
            self._failures += 1
            if self._failures > 1:  # for once, a server that restarts says so
                self._tell(f"{status} {headers.get('Description', 'nobody answers for it')}")
        self._answered.set()

    def _tell(self, what: str) -> None:
        if what != self._told:
            self._told = what
            self._on_error(BusError(f"cannot get messages of {self._what}: {what}; does it still exist?"))

    async def _hold(self) -> None:
        """Keep what waits to be read from coming again; a slow reader is no dead one."""
        while not self.box.ended or self.box.items:
            await asyncio.sleep(self._ack_wait_seconds / 4)
            if self._client.is_connected:
                with suppress(nats.errors.Error):
                    for message in tuple(self.box.items):
                        await self._client.publish(message.reply_to or "", b"+WPI")
