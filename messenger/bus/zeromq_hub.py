"""ZeroMQ hub: serves a URL, to all who connect."""

import asyncio
import errno
import logging
import os
import signal
import socket as sockets
import stat
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import msgspec
import zmq

from .entries import FromConnection
from .errors import BadUrl
from .hub import BATCH, Hub
from .zeromq_keys import Curve
from .zeromq_socket import Wire, address_of, frames_of, new_socket

_log = logging.getLogger("messenger.bus")
_decode = msgspec.msgpack.Decoder(list[FromConnection]).decode

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_LINGER_SECONDS = 1.0


class HubServer:
    """A hub behind a ROUTER socket, on the running event loop.

    Raises:
        BadUrl: it is served already, cannot be, or not safely: another machine could listen without *curve*.
    """

    def __init__(self, url: str, curve: Curve | None) -> None:
        self.url = url
        self._refuse_unsafe(curve)
        self.hub = Hub()
        self._context = zmq.Context()  # our own, since who may come in is said to a context
        self._guard = curve.guard(self._context) if curve else None
        socket = new_socket(self._context, zmq.ROUTER)
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        if curve:
            curve.serve_with(socket)
        try:
            socket.bind(address_of(url))
        except zmq.ZMQError as error:
            socket.close()
            self._end_context()
            taken = "; it is served already" if error.errno == errno.EADDRINUSE else ""
            raise BadUrl(f"cannot serve {url}: {error}{taken}") from error
        self.url = f"zmq+{bytes(socket.getsockopt(zmq.LAST_ENDPOINT)).rstrip(bytes(1)).decode()}"
        if path := _path_of(url):
            os.chmod(path, 0o600)
        self._stuck: set[bytes] = set()
        self._entries = 0  # since everything was sent
        self._wire = Wire(socket, self._on_frames, self._on_turn)

    def close(self) -> None:
        """Serve no more; what was sent may take a second to leave."""
        self._wire.close(_LINGER_SECONDS)
        self._end_context()
        if path := _path_of(self.url):
            with suppress(FileNotFoundError):
                os.unlink(path)

    def _end_context(self) -> None:
        if self._guard:
            self._guard.stop()
        self._context.term()

    def _refuse_unsafe(self, curve: Curve | None) -> None:
        parts = urlsplit(self.url)
        if parts.scheme == "zmq+tcp" and parts.hostname not in _LOOPBACK and not curve:
            raise BadUrl(
                f"refusing to serve {self.url}: other machines could read and write all of it; give keys "
                "(messenger bus keys), or serve 127.0.0.1"
            )
        path = _path_of(self.url)
        if path and os.path.exists(path):
            # ZeroMQ would take the path from whoever serves it, or remove what else is there.
            if not stat.S_ISSOCK(os.stat(path).st_mode):
                raise BadUrl(f"cannot serve {self.url}: {path} exists, and is no socket")
            with sockets.socket(sockets.AF_UNIX) as probe:
                if probe.connect_ex(path) == 0:
                    raise BadUrl(f"cannot serve {self.url}: somebody does already")

    def _on_frames(self, frames: list[bytes]) -> None:
        if len(frames) != 2:
            _log.warning("dropped a message of %d frames; ours have 2", len(frames))
            return
        name, frame = frames
        try:
            entries = _decode(frame)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            _log.warning("dropped what %s sent: %s", name.hex(), error)
            return
        peer = self.hub.peers.get(name) or self.hub.peer(name, partial(self._send, name))
        self.hub.take(peer, entries)
        self._entries += len(entries)
        if self._entries >= BATCH:
            self._entries = 0
            self.hub.flush()

    def _on_turn(self) -> None:
        for name in list(self._stuck):
            self._stuck.discard(name)
            if peer := self.hub.peers.get(name):
                self.hub.unstick(peer)
        self.hub.flush()

    def _send(self, name: bytes, entries: list[Any]) -> list[Any] | None:
        rest: list[Any] = []
        for frame, its in frames_of(entries):
            try:
                if rest or not self._wire.send(name, frame):
                    self._stuck.add(name)
                    rest += its
            except zmq.ZMQError as error:
                if error.errno == errno.EHOSTUNREACH:
                    return None
                raise
        return rest


def _path_of(url: str) -> str:
    """Return the path of an ipc URL, as ZeroMQ reads it: whole, ? and # included; "" of others."""
    return url.removeprefix("zmq+ipc://") if url.startswith("zmq+ipc:///") else ""


def serve(url: str, curve: Curve | None = None) -> None:
    """Run a hub until SIGINT or SIGTERM; writes its URL to stdout once it can be connected to."""

    async def main() -> None:
        stop = asyncio.Event()
        for signal_ in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(signal_, stop.set)
        server = HubServer(url, curve)
        try:
            print(server.url, flush=True)
            await stop.wait()
        finally:
            server.close()

    asyncio.run(main())
