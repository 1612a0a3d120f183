"""ZeroMQ link: the way from a connection to its hub, through a socket or within the process."""

import asyncio
from typing import Any, Protocol

import msgspec
import zmq
from zmq.utils.monitor import parse_monitor_message

from .entries import VERSION, Deliver, FromHub, Hello, Lost, Nobody, Pong, Unread, read
from .errors import Disconnected, Malformed, Refused
from .hub import KEPT_BYTES_MOST
from .message import LIMIT
from .subscription import OnError
from .zeromq_hub import HubServer
from .zeromq_keys import Curve
from .zeromq_socket import Wire, address_of, frames_of, new_socket

_BATCH_BYTES = 64 * 1024
_BATCH = 512  # entries
_LINGER_SECONDS = 2.0

_EVENTS = (
    zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_DISCONNECTED
)

_decode = msgspec.msgpack.Decoder(list[FromHub]).decode
_decode_unread = msgspec.msgpack.Decoder(list[Deliver[Unread] | Nobody | Lost | Pong]).decode


class End(Protocol):
    """Whoever is at this end of a link."""

    def receive(self, entries: list[Any]) -> None:
        """Take what comes from the hub."""
        ...

    def again(self) -> list[Any]:
        """Return what a hub has to be told that knows nothing of us."""
        ...


class SocketLink:
    """A DEALER socket. The first entry of a turn of the loop leaves at once, those after it together."""

    def __init__(self, url: str, curve: Curve | None, end: End, on_error: OnError) -> None:
        self.url, self._end, self._on_error = url, end, on_error
        address = address_of(url)
        socket = new_socket(zmq.Context.instance(), zmq.DEALER)
        if curve:
            curve.connect_with(socket)
        self.name = bytes(socket.getsockopt(zmq.ROUTING_ID)).hex()
        self.full = False
        self._loop = asyncio.get_running_loop()
        self._out: list[Any] = []
        self._bytes = 0
        self._frames: list[bytes] = []  # that the socket had no room for
        self._fresh = True  # nothing was sent in this turn of the loop
        self._down = False  # the hub has gone; what comes waits, so that it hears of subscriptions first
        self._room: asyncio.Event = asyncio.Event()
        self._is_up: asyncio.Future[None] = self._loop.create_future()
        self._monitor = Wire(socket.get_monitor_socket(_EVENTS), self._on_event, lambda: None)
        self._wire = Wire(socket, self._on_frames, self._retry)
        socket.connect(address)

    async def up(self, timeout: float) -> None:
        """Wait for the hub to be there, *timeout* seconds at most.

        Raises:
            Disconnected: it is not. Refused: it will not have us.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._is_up
        except TimeoutError:
            raise Disconnected(
                f"nobody serves {self.url} ({timeout:g} s waited); start a hub: messenger bus serve URL"
            ) from None

    def send(self, entry: Any, size: int = 0) -> bool:
        """Send *entry*; True when it is time for a pause."""
        self._out.append(entry)
        self._bytes += size
        if self._fresh:
            self._fresh = False
            self._loop.call_soon(self._end_turn)
            self.flush()
        elif self._bytes >= _BATCH_BYTES or len(self._out) >= _BATCH:
            self.flush()
            return True
        return self.full

    async def wait_for_room(self) -> None:
        """Wait until no frame waits to leave, or the link has ended."""
        while self.full and not self._wire.socket.closed:
            self._room.clear()
            await self._room.wait()

    def flush(self) -> None:
        """Give the socket what there is, unless it has no room."""
        if self._down or self._frames or not self._out:
            most = LIMIT if self._down else _BATCH
            self.full = self.full or len(self._out) >= most or self._bytes >= KEPT_BYTES_MOST
            return
        out, self._out, self._bytes = self._out, [], 0
        for frame, _ in frames_of(out):
            if self._frames or not self._wire.send(frame):
                self._frames.append(frame)
                self.full = True

    async def close(self) -> None:
        """Let what was sent leave, and end."""
        self.flush()
        self._monitor.close(0)
        self._wire.socket.disable_monitor()
        self._wire.close(_LINGER_SECONDS)
        self._room.set()  # whoever waited for it must not wait for ever

    def _end_turn(self) -> None:
        self._fresh = True
        if self._out and not self._wire.socket.closed:
            self.flush()

    def _retry(self) -> None:
        while self._frames and not self._down and self._wire.send(self._frames[0]):
            del self._frames[0]
        if not self._frames and not self._down and self.full:
            self.full = False
            self.flush()
            self._room.set()

    def _on_frames(self, frames: list[bytes]) -> None:
        try:
            try:
                entries = _decode(frames[-1])
            except (msgspec.DecodeError, UnicodeDecodeError):  # one bad message must not take others with it
                entries = list(read(_decode_unread(frames[-1]), self._on_error))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._on_error(Malformed(f"dropped what {self.url} sent, for no hub sends it: {error}"))
        else:
            self._end.receive(entries)

    def _on_event(self, frames: list[bytes]) -> None:
        event = parse_monitor_message(frames)["event"]
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self._frames[:0] = [frame for frame, _ in frames_of([Hello(VERSION), *self._end.again()])]
            self._down, self.full = False, True
            self._retry()
            if not self._is_up.done():
                self._is_up.set_result(None)
        elif event == zmq.EVENT_DISCONNECTED:
            if self._is_up.done():
                self._down = True
                self._on_error(Disconnected(f"the hub at {self.url} has gone; connecting again"))
        elif event != zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL or not self._is_up.done():
            self._refuse()

    def _refuse(self) -> None:
        error = Refused(
            f"{self.url} will not have us: give its public key and a key it knows "
            "(messenger bus keys), or none if it has none"
        )
        if self._is_up.done():
            self._on_error(error)
        else:
            self._is_up.set_exception(error)


class HubLink:
    """The hub itself, in this process."""

    name = "00"
    full = False

    def __init__(self, url: str, curve: Curve | None, end: End, on_error: OnError) -> None:
        self._server = HubServer(url, curve)
        self._on_error = on_error
        self.url = self._server.url
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._peer = self._server.hub.peer(bytes.fromhex(self.name), self._receive)
        self._fresh = True
        self._turn = 0

    def send(self, entry: Any, size: int = 0) -> bool:
        """Let the hub deal with *entry* now, and send what comes of it with that of others."""
        hub = self._server.hub
        hub.take(self._peer, (entry,))
        if self._fresh:
            self._fresh = False
            self._loop.call_soon(self._end_turn)
            hub.flush()
        self._turn += 1
        if self._turn >= _BATCH:
            self._turn = 0
            hub.flush()
            return True
        return False

    async def wait_for_room(self) -> None:
        """Return: the hub keeps what it cannot send."""

    async def close(self) -> None:
        """Send what is left, and end the hub."""
        self._server.hub.flush()
        self._server.close()

    def _end_turn(self) -> None:
        self._fresh = True
        self._server.hub.flush()

    def _receive(self, entries: list[Any]) -> list[Any]:
        self._end.receive(list(read(entries, self._on_error)))
        return []
