"""ZeroMQ: `zmq+ipc://PATH` and `zmq+tcp://HOST:PORT`, between the processes of a machine or of a few.

Connections meet in a hub: `messenger bus serve URL` runs one for many to many, and `connect(url,
serve=True)` makes this connection the hub of all others, one hop less for one to many.
"""

import asyncio
import itertools
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from .blocking_bus import BlockingBus
from .bus import Bus, Wanted
from .codec import check_headers
from .connection import REPLIES, Options, check_reply_to, late, nobody, not_kept
from .entries import (
    Bye,
    Deliver,
    FromHub,
    Lost,
    Nobody,
    Pause,
    Ping,
    Pong,
    Publish,
    Request,
    Resume,
    Subscribe,
    Unsubscribe,
)
from .errors import Closed, Disconnected, Unsupported
from .hub import SUBSCRIPTIONS_MOST
from .loop_thread import LoopThreadBus
from .mailbox import Mailbox, Reader
from .message import LARGEST_BYTES, TIMEOUT_SECONDS, Message
from .subject import Routes
from .waking import wake_one
from .zeromq_keys import Curve
from .zeromq_link import HubLink, SocketLink

FLUSH_SECONDS = 10.0


class Link(Protocol):
    """The way to the hub.

    name: what replies to this connection are found by. url: where others find its hub. full: who
    publishes should wait for room.
    """

    name: str
    url: str
    full: bool

    def send(self, entry: Any, size: int = 0) -> bool:
        """Send *entry*, which is about *size* bytes, now or with others; True when it is time for a pause."""
        ...

    async def wait_for_room(self) -> None:
        """Wait until no frame waits to leave."""
        ...

    async def close(self) -> None:
        """Let what was sent leave, and end."""
        ...


class ZeroMQBus(Bus):
    """A connection for one event loop."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._link: Link
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self._checked: Routes[None] = Routes()  # subjects that are in order
        self._numbers = itertools.count(1)
        self._wanted: dict[int, Wanted] = {}
        self._boxes: dict[int, Mailbox[Message]] = {}
        self._paused: set[int] = set()
        self._requests: dict[str, tuple[str, asyncio.Future[Message]]] = {}
        self._pongs: dict[int, asyncio.Future[None]] = {}
        self._verbs: dict[type, Callable[[Any], None]] = {
            Nobody: self._nobody,
            Lost: self._lost,
            Pong: self._ponged,
        }

    async def join(self, link: Link, timeout: float) -> None:
        """Begin to use *link*, once the hub has answered.

        Raises:
            Disconnected: it does not, within *timeout* seconds.
        """
        self._link, self.url = link, link.url
        self._reply_to = f"{REPLIES}{link.name}."
        await self._ping(timeout)

    def again(self) -> list[Any]:
        """Return what a hub has to know that knows nothing of us yet."""
        return [
            *(Subscribe(number, one.pattern, one.queue_group) for number, one in self._wanted.items()),
            *(Pause(number) for number in self._paused),
            *(Ping(number) for number in self._pongs),  # those before may have gone down with the last hub
        ]

    async def publish(
        self,
        subject: str,
        message: object,
        *,
        headers: Mapping[str, str] | None = None,
        reply_to: str | None = None,
    ) -> None:
        """Send *message*; waits while the hub reads more slowly than we write."""
        if subject not in self._checked.found and not str(subject).startswith(REPLIES):
            self._checked.find(subject)
        if type(message) is not bytes or len(message) > LARGEST_BYTES:
            message = self._encode(message)
        if self._closed:
            self._check_open(f"publish to {subject!r}")
        if headers is not None:
            headers = check_headers(headers)
        if reply_to is not None:
            check_reply_to(reply_to)
        link = self._link
        pause = link.send(Publish(subject, Message(subject, message, headers, reply_to)), len(message) + 100)
        if pause:
            await asyncio.sleep(0)
            if link.full:
                await link.wait_for_room()

    async def request(
        self,
        subject: str,
        message: object,
        timeout: float = TIMEOUT_SECONDS,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Message:
        """Send *message* and wait for one reply, *timeout* seconds at most."""
        self._check_open(f"request {subject!r}")
        if subject not in self._checked.found:
            self._checked.find(subject)
        data = message if type(message) is bytes and len(message) <= LARGEST_BYTES else self._encode(message)
        if headers is not None:
            headers = check_headers(headers)
        reply_to = f"{self._reply_to}{next(self._numbers)}"
        reply: asyncio.Future[Message] = self._loop.create_future()
        envelope = Message(subject, data, headers, reply_to)
        timer = self._loop.call_later(timeout, _fail, reply, late, subject, timeout)
        self._requests[reply_to] = subject, reply
        self._link.send(Request(subject, reply_to, envelope), len(data) + 100)
        try:
            return await reply
        finally:
            timer.cancel()
            del self._requests[reply_to]

    async def flush(self) -> None:
        """Wait until the hub has dealt with everything published so far, 10 seconds at most.

        Raises:
            Disconnected: it has not; what was published goes on waiting for it.
        """
        self._check_open("flush")
        await self._ping(FLUSH_SECONDS)

    def receive(self, entries: Iterable[FromHub]) -> None:
        """Bring what the hub sends to whom it is for."""
        boxes = self._boxes
        for entry in entries:
            if type(entry) is Deliver:
                box = boxes.get(entry.number)
                if box is None:
                    if entry.number == 0:
                        self._answer(entry.message)
                elif box.attend and box.sleepers and not box.items:
                    if reply := box.attend(entry.message):
                        self._link.send(Publish(reply.subject, reply), len(reply.data) + 100)
                elif len(box.items) < box.limit:  # what `accept` does, without its call
                    box.items.append(entry.message)
                    if box.sleepers:
                        wake_one(box.sleepers)
                elif not box.accept(entry.message):
                    self._pause(entry.number, box)
            else:
                self._verbs[type(entry)](entry)

    async def _attach(self, wanted: Wanted) -> tuple[Reader[Message], Callable[[bool], Awaitable[None]]]:
        if wanted.durable:
            raise not_kept(f"cannot subscribe to {wanted.pattern!r} durably")
        if len(self._wanted) >= SUBSCRIPTIONS_MOST:
            raise Unsupported(f"a connection has {SUBSCRIPTIONS_MOST} subscriptions at most; open another")
        number = next(self._numbers)
        box = Mailbox[Message](wanted.pattern, wanted.limit, wanted.on_full, self._on_error)
        self._boxes[number], self._wanted[number] = box, wanted
        self._link.send(Subscribe(number, wanted.pattern, wanted.queue_group))
        try:
            await self._ping(FLUSH_SECONDS)
        except BaseException:  # nobody will read it, so nobody of its queue group must miss a message for it
            del self._wanted[number], self._boxes[number]
            self._paused.discard(number)
            if not self._closed:
                self._link.send(Unsubscribe(number))
            raise

        async def leave(forget: bool) -> None:
            del self._wanted[number]
            self._paused.discard(number)
            self._link.send(Unsubscribe(number))
            try:
                if not forget:
                    await self._ping(FLUSH_SECONDS)
            finally:
                del self._boxes[number]
                box.end(forget=forget)

        return Reader(box), leave

    async def _shut(self) -> None:
        closed = Closed("this connection was closed before there was an answer")
        waiting: list[asyncio.Future[Any]] = [*self._pongs.values()]
        waiting += (reply for _, reply in self._requests.values())
        for answer in waiting:
            if not answer.done():
                answer.set_exception(closed)
        self._link.send(Bye())
        await self._link.close()

    async def _ping(self, timeout: float) -> None:
        number = next(self._numbers)
        pong = self._pongs[number] = self._loop.create_future()
        self._link.send(Ping(number))
        try:
            async with asyncio.timeout(timeout):
                await pong
        except TimeoutError:
            raise Disconnected(f"the hub has not answered for {timeout:g} s; is it running?") from None
        finally:
            self._pongs.pop(number, None)

    def _ponged(self, entry: Pong) -> None:
        pong = self._pongs.pop(entry.number, None)
        if pong and not pong.done():
            pong.set_result(None)

    def _lost(self, entry: Lost) -> None:
        if box := self._boxes.get(entry.number):
            box.lose(entry.count)

    def _answer(self, message: Message) -> None:
        _, reply = self._requests.get(message.subject, (None, None))
        if reply and not reply.done():
            reply.set_result(message)

    def _nobody(self, entry: Nobody) -> None:
        if asked := self._requests.get(entry.reply_to):
            subject, reply = asked
            _fail(reply, nobody, subject)

    def _pause(self, number: int, box: Mailbox[Message]) -> None:
        """Let the hub keep what comes for a full subscription until half of that was read."""
        if number in self._paused:
            return
        self._paused.add(number)
        self._link.send(Pause(number))

        def go_on() -> None:
            if number in self._paused:
                self._paused.discard(number)
                self._link.send(Resume(number))

        def wake() -> None:
            if threading.get_ident() == self._thread:
                go_on()
            else:
                with suppress(RuntimeError):  # the loop is closed
                    self._loop.call_soon_threadsafe(go_on)

        box.blocked.append(wake)
        if len(box.items) <= box.limit // 2:  # read meanwhile, by another thread
            box.hand_on()


def _fail(reply: "asyncio.Future[Message]", error: Callable[..., Exception], *about: object) -> None:
    if not reply.done():
        reply.set_exception(error(*about))


def openers(
    url: str,
    options: Options,
    *,
    serve: bool = False,
    curve: Curve | None = None,
    connect_timeout_seconds: float = 5.0,
) -> tuple[Callable[[], Awaitable[Bus]], Callable[[], BlockingBus]]:
    """Return what connects to *url*, for event loops and for threads.

    *serve*: be the hub of all who connect to *url*. *curve*: the keys, without which no other machine can be
    served. Raises, when called:
        BadUrl: it is no URL, or one that is not safe to serve without keys.
        Disconnected: nobody serves it. Refused: whoever does will not have us.
    """

    async def open() -> Bus:
        bus = ZeroMQBus(options)
        if serve:
            await bus.join(HubLink(url, curve, bus, options.on_error), connect_timeout_seconds)
            return bus
        link = SocketLink(url, curve, bus, options.on_error)
        try:
            await link.up(connect_timeout_seconds)
            await bus.join(link, connect_timeout_seconds)
        except BaseException:
            await link.close()
            raise
        return bus

    return open, lambda: LoopThreadBus(open, options)
