"""ZeroMQ socket: entries in and out of one socket, on an event loop.

pyzmq's own asyncio sockets make a future for each message; here the loop calls once for all that is
there, and what is sent within one turn of the loop leaves in one frame.
"""

import asyncio
import os
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec
import zmq

from .entries import LARGEST_FRAME_BYTES
from .errors import BadUrl

HIGH_WATER = 64  # frames that wait in a socket, each way and connection
Socket = zmq.Socket[bytes]

# As plain numbers, for to combine two members of an enum takes as long as to send a message.
_NOW, _MORE = int(zmq.DONTWAIT), int(zmq.DONTWAIT) | int(zmq.SNDMORE)
_EVENTS, _RCVMORE = int(zmq.EVENTS), int(zmq.RCVMORE)
_POLLIN, _POLLOUT = int(zmq.POLLIN), int(zmq.POLLOUT)

_FRAME_BYTES = 256 * 1024  # of one with several messages; 64 of them may wait for each connection
_PATROL_SECONDS = 0.002
_TURN = 64  # frames, after which a loop gets to do something else

_encode = msgspec.msgpack.Encoder().encode


class Wire:
    """A socket whose frames *on_frames* gets; *on_turn* is called after a burst, and when there is room."""

    def __init__(
        self,
        socket: Socket,
        on_frames: Callable[[list[bytes]], None],
        on_turn: Callable[[], None],
    ) -> None:
        self.socket, self._on_frames, self._on_turn = socket, on_frames, on_turn
        self._loop = asyncio.get_running_loop()
        self._send, self._receive, self._get = socket.send, socket.recv, socket.getsockopt
        self._descriptor = int(socket.getsockopt(zmq.FD))
        self._due = self._sent = False
        self._wanted = _POLLIN  # and _POLLOUT, where something had no room
        # A ROUTER tells neither which of its peers has room again nor that one has.
        self._serves_many = socket.getsockopt(zmq.TYPE) == zmq.ROUTER
        self._loop.add_reader(self._descriptor, self._ready)
        self.look_again()  # what came before is told by nobody

    def send(self, *parts: bytes) -> bool:
        """Send a message of one or two frames; False when there is no room.

        Raises:
            zmq.ZMQError: EHOSTUNREACH, from a ROUTER, when the one it is for is gone.
        """
        try:
            if len(parts) == 2:
                self._send(parts[0], _MORE)
            self._send(parts[-1], _NOW)
        except zmq.Again:
            self._wanted = _POLLIN | _POLLOUT
            if self._serves_many:
                self._loop.call_later(_PATROL_SECONDS, self.look_again)
            return False
        finally:
            self._sent = True
            if not self._due:
                self._look_again_if_missed()
        return True

    def look_again(self) -> None:
        """Read in the loop's next turn, whether the descriptor says so or not."""
        if not self._due:
            self._due = True
            self._loop.call_soon(self._ready)

    def close(self, linger_seconds: float) -> None:
        """Close; what was sent may take so long to leave."""
        self._due = True
        self._loop.remove_reader(self._descriptor)
        self.socket.close(linger=int(linger_seconds * 1000))

    def _ready(self) -> None:
        if self.socket.closed:
            return
        self._due = True  # while we read, nobody need look
        get, receive, on_frames, turn = self._get, self._receive, self._on_frames, _TURN
        while turn and int(get(_EVENTS)) & _POLLIN:
            turn -= 1
            frames = [receive(_NOW)]
            while get(_RCVMORE):
                frames.append(receive(_NOW))
            on_frames(frames)
            if bool(self.socket.closed):
                return
        self._sent, self._wanted = False, _POLLIN
        self._on_turn()
        self._due = False
        if not turn:
            self.look_again()
        elif self._sent:
            self._look_again_if_missed()

    def _look_again_if_missed(self) -> None:
        """Do so if there is something: the descriptor tells of a change once, and sending may use that up."""
        wanted = _POLLIN if self._serves_many else self._wanted
        if int(self._get(_EVENTS)) & wanted:
            self.look_again()


def frames_of(entries: list[Any]) -> list[tuple[bytes, list[Any]]]:
    """Encode *entries* as few frames that are not too large, each beside its entries."""
    frame = _encode(entries)
    if len(frame) <= _FRAME_BYTES or len(entries) == 1:
        return [(frame, entries)]
    half = len(entries) // 2
    return frames_of(entries[:half]) + frames_of(entries[half:])


def address_of(url: str) -> str:
    """Return what ZeroMQ calls a URL of ours.

    Raises:
        BadUrl: it lacks a path, a host or a port.
    """
    parts = urlsplit(url)
    try:
        complete = parts.path if parts.scheme == "zmq+ipc" else parts.hostname and parts.port is not None
    except ValueError:
        complete = False
    if not complete or (parts.scheme == "zmq+ipc" and parts.netloc):
        raise BadUrl(f"{url!r} is no address; write zmq+ipc:///PATH or zmq+tcp://HOST:PORT")
    return url.removeprefix("zmq+")


def new_socket(context: "zmq.Context[zmq.Socket[bytes]]", kind: int) -> Socket:
    """Make a socket with the limits that all of ours have."""
    socket = context.socket(kind)
    socket.setsockopt(zmq.SNDHWM, HIGH_WATER)
    socket.setsockopt(zmq.RCVHWM, HIGH_WATER)
    socket.setsockopt(zmq.MAXMSGSIZE, LARGEST_FRAME_BYTES)
    socket.setsockopt(zmq.LINGER, 0)
    # A machine that vanished says nothing; ask every 2 seconds, and let go after 6.
    socket.setsockopt(zmq.HEARTBEAT_IVL, 2000)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 6000)
    if kind == zmq.DEALER:
        socket.setsockopt(zmq.ROUTING_ID, b"m" + os.urandom(15))
        socket.setsockopt(zmq.RECONNECT_IVL, 20)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
    return socket
