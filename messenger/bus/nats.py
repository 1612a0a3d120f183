"""NATS: `nats://HOST:4222`, where a bus goes that has outgrown one machine.

Publishing and requests are those of core NATS; what a stream keeps is in `jet_stream.py`. Raw nats-py
costs most of what a message costs here, so the paths of a message add no task and no second check.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from sys import maxsize

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as NatsSubscription

from .bus import Bus, Wanted
from .codec import check_headers
from .connection import Options, late, nobody
from .delivery import is_durable
from .errors import BusError, Closed, Disconnected, Refused, RequestTimeout, TooLarge, Unsupported
from .jet_stream import JetStream, Storage
from .mailbox import Mailbox, Reader
from .message import LARGEST_BYTES, LIMIT, TIMEOUT_SECONDS, Message
from .nats_connection import Access, Client, dial
from .subject import Routes
from .waking import wake_all, wake_one

_PENDING_BYTES = 128 * 1024 * 1024  # that nats-py keeps for a subscription, beside its mailbox
_HEADER_BYTES = 12  # NATS/1.0, and the ends of this line and of the headers

_log = logging.getLogger("messenger.bus")


class NatsBus(Bus):
    """A connection for one event loop.

    What `connect()` takes, beside what every transport does:

    user, password, token: also in the URL, as nats://USER:PASSWORD@HOST or nats://TOKEN@HOST. credentials:
    the file with a user's JWT and key. tls: an `ssl.SSLContext`, or the file of the CA that signed the
    server's certificate; with it, or with tls://HOST, nothing is sent unencrypted. tls_hostname: the name in
    that certificate. name: what the server calls us in its reports.

    The URL may name several servers of a cluster, with commas between them. connect_attempts: how often
    each is tried at first, connect_timeout_seconds at most each time. A connection that breaks later is
    tried again every reconnect_seconds, for ever or reconnect_attempts times; ping_seconds: how often a
    server is asked whether it is still there, which it is not when it owes two answers. buffer_bytes: what
    is published meanwhile and kept; beyond that `publish` raises `Disconnected`. flush_timeout_seconds: how
    long `flush`, and with it the end of `async with`, waits for a server that does not answer.
    """

    _client: Client

    def __init__(self, access: Access, options: Options) -> None:
        super().__init__(options)
        self._access = access
        self.url = str(access)
        self._checked: Routes[None] = Routes()  # subjects that are in order
        self._boxes: dict[NatsSubscription, Mailbox[Message]] = {}
        self._denied: set[str] = set()
        self._told = ""

    async def publish(
        self,
        subject: str,
        message: object,
        *,
        headers: Mapping[str, str] | None = None,
        reply_to: str | None = None,
    ) -> None:
        """Send *message*, which waits in a buffer for the loop's next turn, and for a connection.

        Raises:
            Disconnected: there is no connection, and the buffer is full.
        """
        if subject not in self._checked.found:
            self._checked.find(subject)
        if type(message) is not bytes or len(message) > LARGEST_BYTES:
            message = self._encode(message)
        if reply_to is not None and reply_to not in self._checked.found:
            self._checked.find(reply_to)
        try:
            await self._client.publish(
                subject, message, reply_to or "", self._headers(headers, message) if headers else None
            )
        except nats.errors.Error as error:
            raise self._translated(error, f"publish to {subject!r}", len(message)) from error

    async def request(
        self,
        subject: str,
        message: object,
        timeout: float = TIMEOUT_SECONDS,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Message:
        """Send *message* and wait for one reply, *timeout* seconds at most."""
        if subject not in self._checked.found:
            self._checked.find(subject)
        if type(message) is not bytes or len(message) > LARGEST_BYTES:
            message = self._encode(message)
        try:
            reply = await self._client.request(
                subject, message, timeout, headers=self._headers(headers, message) if headers else None
            )
        except nats.errors.NoRespondersError:
            raise nobody(subject) from None
        except nats.errors.TimeoutError:
            raise late(subject, timeout) from None
        except nats.errors.Error as error:
            raise self._translated(error, f"request {subject!r}", len(message)) from error
        return Message(reply.subject, reply.data, reply.headers, reply.reply or None)

    async def publish_durable(
        self,
        subject: str,
        message: object,
        *,
        id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> int:
        """Send *message* to the stream that keeps *subject*; returns its sequence number once it is stored.

        Two of one *id* within two minutes are stored once, and return the same number.

        Raises:
            Unsupported: no stream keeps *subject*, or it is full and refuses.
            RequestTimeout: whether it was stored is not known; with an *id*, publish it again.
        """
        return await self._streams.publish(subject, message, id, headers)

    async def reply(
        self, request: Message, message: object, *, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer *request*, if it expects an answer; what a stream delivers does not."""
        if request.reply_to is not None and not is_durable(request):
            await self.publish(request.reply_to, message, headers=headers)

    async def ack(self, message: Message) -> None:
        """Say that *message* is dealt with; it does not come again once this has returned.

        Raises:
            RequestTimeout: the server did not confirm it, and it may come again.
        """
        await self._streams.ack(message)

    async def nak(self, message: Message, delay_seconds: float = 0.0) -> None:
        """Say that *message* is to come again; after its last delivery it goes to the dead letters."""
        await self._streams.nak(message, delay_seconds)

    async def add_stream(
        self,
        name: str,
        subjects: list[str],
        *,
        max_age_seconds: float | None = None,
        max_bytes: int | None = None,
        max_messages: int | None = None,
        storage: Storage = "file",
        drop_oldest: bool = False,
    ) -> None:
        """Let the server keep what is published to *subjects*; see `JetStream.add_stream`."""
        await self._streams.add_stream(
            name,
            subjects,
            max_age_seconds=max_age_seconds,
            max_bytes=max_bytes,
            max_messages=max_messages,
            storage=storage,
            drop_oldest=drop_oldest,
        )

    async def flush(self) -> None:
        """Wait until the server has all that was published so far, flush_timeout_seconds at most.

        Raises:
            Disconnected: there is no connection, or no answer, and it is not restored in time.
        """
        self._check_open("flush")
        try:
            await self._client.flush(self._access.flush_timeout_seconds)
        except nats.errors.TimeoutError:
            waits = self._client.pending_data_size
            seconds = self._access.flush_timeout_seconds
            raise Disconnected(
                f"{self._access} did not answer within {seconds:g} s; {waits} bytes wait to be sent"
            ) from None
        except nats.errors.Error as error:
            raise self._translated(error, "flush") from error

    async def _attach(self, wanted: Wanted) -> tuple[Reader[Message], Callable[[bool], Awaitable[None]]]:
        if wanted.durable is not None:
            return await self._streams.attach(wanted, wanted.durable)
        group = wanted.queue_group
        name = f"{wanted.pattern} in queue group {group}" if group else wanted.pattern
        box = Mailbox[Message](name, wanted.limit, wanted.on_full, self._on_error)
        try:
            incoming = await self._client.subscribe(
                wanted.pattern,
                queue=group or "",
                cb=self._arrive_in(box),
                pending_msgs_limit=max(wanted.limit, LIMIT),
                pending_bytes_limit=_PENDING_BYTES,
            )
        except nats.errors.Error as error:
            raise self._translated(error, f"subscribe to {wanted.pattern!r}") from error
        self._boxes[incoming] = box
        try:
            await self.flush()
            self._check_permitted(wanted.pattern)
        except BaseException:
            await self._part(incoming, forget=True)
            raise
        return Reader(box), lambda forget: self._part(incoming, forget=forget)

    def _arrive_in(self, box: Mailbox[Message]) -> Callable[[Msg], Awaitable[None]]:
        items = box.items

        async def arrive(message: Msg) -> None:
            received = Message(message.subject, message.data, message.headers, message.reply or None)
            if box.attend and box.sleepers and not items:
                if reply := box.attend(received):
                    await self._reply_now(reply)
            elif len(items) < box.limit:  # what `accept` does, without its call
                items.append(received)
                if box.sleepers:
                    wake_one(box.sleepers)
            elif not box.accept(received):
                await box.await_room()  # meanwhile nats-py's own queue fills, and then drops and counts

        return arrive

    async def _reply_now(self, reply: Message) -> None:
        try:
            await self.publish(reply.subject, reply.data)
        except Exception as error:
            self._on_error(error)

    async def _part(self, incoming: NatsSubscription, *, forget: bool) -> None:
        """Take no more of a subscription; without *forget*, what was sent until now still comes."""
        box = self._boxes[incoming]
        if not forget and box.on_full == "block":
            # What nats-py keeps moves over at once: the reader may be the one who waits for us.
            box.limit = maxsize
            wake_all(box.blocked)
        with suppress(nats.errors.Error):  # without a connection there is nobody to tell
            if forget:
                await incoming.unsubscribe()
            else:
                await incoming.drain()  # type: ignore[no-untyped-call]
        self._client.forget(incoming)
        self._boxes.pop(incoming, None)
        box.end(forget=forget)

    async def dial(self) -> None:
        """Connect, before anything else."""
        self._client = await dial(
            self._access,
            on_error=self._hear,
            on_broken=self._break,
            on_restored=self._restore,
            on_closed=self._end,
        )
        self._streams = JetStream(self, self._client, self._on_error)

    async def _shut(self) -> None:
        await self._streams.shut()
        await self._client.close()

    async def _settle(self, message: Message, error: Exception | None) -> None:
        if is_durable(message):
            await self._streams.settle(message, error)

    async def _hear(self, error: Exception) -> None:
        """Sort what nats-py tells; breaks and their ends are told by `_break` and `_restore`."""
        if isinstance(error, nats.errors.SlowConsumerError):
            if box := self._boxes.get(error.sub):
                box.lose()
            return
        text = str(error).removeprefix("nats: ") or type(error).__name__
        if text.startswith("permissions violation"):
            if "for subscription to" in text:
                self._denied.add(text)
            self._on_error(Refused(f"{self._access} refuses: {text}"))
        elif isinstance(error, OSError | nats.errors.StaleConnectionError):
            _log.info("no connection to %s: %s", self._access, text)
        elif text != self._told:  # each attempt to connect again says the same
            self._told = text
            self._on_error(Disconnected(f"{self._access}: {text}"))

    async def _break(self) -> None:
        self._client.up.clear()
        self._client.down.set()
        if not self._closed and not self._client.is_closed:
            self._on_error(
                Disconnected(
                    f"lost the connection to {self._access}; trying again every "
                    f"{self._access.reconnect_seconds:g} s, and keeping what is published meanwhile, "
                    f"{self._access.buffer_bytes} bytes at most"
                )
            )

    async def _restore(self) -> None:
        self._told = ""
        self._client.down.clear()
        self._client.up.set()
        self._streams.ask_again()
        _log.warning("connected to %s again", self._access)

    async def _end(self) -> None:
        """Let everybody go on who waits, when nats-py has given up or was closed."""
        self._client.down.clear()
        self._client.up.set()
        if self._closed:
            return
        for box in self._boxes.values():
            box.end()
        await self._streams.shut()
        why = str(self._client.last_error or "it does not come back").removeprefix("nats: ")
        self._on_error(Disconnected(f"gave up the connection to {self._access}: {why}; connect() again"))

    def _check_permitted(self, pattern: str) -> None:
        for text in tuple(self._denied):
            if f'subscription to "{pattern.lower()}"' in text:
                self._denied.discard(text)
                raise Refused(f"{self._access} refuses: {text}; ask who runs it for permission")

    def _headers(self, headers: Mapping[str, str], data: bytes) -> dict[str, str]:
        """Check what the server would close the connection for, and what nats-py would change in silence."""
        total = len(data) + _HEADER_BYTES
        for key, value in check_headers(headers).items():
            if not value.isprintable() or value != value.strip() or not key.isascii():
                raise Unsupported(f"NATS carries no header {key!r}: {value[:40]!r}; printable text only")
            total += len(key) + len(value.encode()) + 4
        if total > self._client.max_payload:
            raise self._too_large(total)
        return dict(headers)

    def _too_large(self, size: int) -> TooLarge:
        return TooLarge(
            f"{self._access} takes messages of {self._client.max_payload} bytes at most, headers included, "
            f"and this one has {size}; send where to find it"
        )

    def _translated(self, error: nats.errors.Error, doing: str, size: int = 0) -> BusError:
        if isinstance(error, nats.errors.ConnectionClosedError):
            if self._closed:
                return Closed(f"cannot {doing}: this connection is closed; open another with connect()")
            return Disconnected(
                f"cannot {doing}: the connection to {self._access} was given up; connect() again"
            )
        if isinstance(error, nats.errors.OutboundBufferLimitError):
            return Disconnected(
                f"cannot {doing}: no connection to {self._access}, and {self._client.pending_data_size} "
                f"bytes wait for it, of {self._access.buffer_bytes} at most; try again later, or raise "
                "buffer_bytes"
            )
        if isinstance(error, nats.errors.MaxPayloadError):
            return self._too_large(size)
        if isinstance(error, nats.errors.BadHeaderError):
            return Unsupported(f"cannot {doing}: NATS carries no header called {error.key!r}")
        if isinstance(error, nats.errors.TimeoutError):
            return RequestTimeout(f"cannot {doing}: {self._access} did not answer in time")
        return BusError(f"cannot {doing}: {str(error).removeprefix('nats: ')}")
