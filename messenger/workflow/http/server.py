"""Server: the application on a TCP port, by uvicorn."""

import asyncio
import logging
import resource
import signal
import socket
import threading
from asyncio import TimerHandle, Transport
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ..client import Client
from ..errors import WorkflowError
from ..session import Session
from .app import App
from .guard import Guard
from .operator import Operator
from .refusal import HttpRefusal, answer_of, later
from .service import Service

MOST_HEAD_BYTES = 64 << 10
HEAD_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 75
_BACKLOG = 2048
_MOST_CONNECTIONS = 10_000
_SPARE_DESCRIPTORS = 100
_LINGER_SECONDS = 1.0


class CannotListen(WorkflowError):
    """The address is taken, or none of this machine's."""


def serve(
    url: str,
    listening: socket.socket,
    guard: Guard,
    *,
    connections: int,
    drain_seconds: int,
    log_access: bool = False,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve the database at *url* on a socket until SIGTERM or SIGINT; *ready* is called once it answers.

    connections: to the database. drain_seconds: how long what is in flight may take to end.

    Raises:
        CannotConnect: the database is not there at the start; later, requests are told.
    """

    async def main() -> None:
        async with Client(url, connections=connections) as client, Session(url) as session:
            service = Service(client, Operator(session))
            app = App(service, guard, log_access=log_access)
            await _Server(app, service, drain_seconds, ready).serve(sockets=[listening])

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; *port* 0 is any.

    Raises:
        CannotListen: it cannot.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)  # from here on nobody is turned away, however early they come
    except OSError as error:
        raise CannotListen(f"cannot listen on {host} port {port}: {error}; choose another --port") from error
    return listening


def url_of(host: str, listening: socket.socket) -> str:
    """Return where clients reach it."""
    port = listening.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """Tells when it is ready, and lets nobody wait when it is to end."""

    def __init__(self, app: App, service: Service, drain_seconds: int, ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=_Protocol,
                ws="none",
                lifespan="off",
                interface="asgi3",
                proxy_headers=False,
                server_header=False,
                access_log=False,
                log_config=None,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=drain_seconds,
                backlog=_BACKLOG,
            )
        )
        # What a stranger sends is not worth a line each.
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        self._service = service
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._service.stop()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # The original raises them again in the end, and a server that was told to end has not failed.
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Protocol(HttpToolsProtocol):
    """A connection, with limits that uvicorn has none of: how large and late a head may be, and how many."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._head_bytes = 0
        self._head_timer: TimerHandle | None = None
        self._refused = False

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(cast(Transport, _Joined(transport, self.loop)))
        if len(self.connections) > _most_connections():
            self._refuse(later(503, "busy", "too many connections are open; ask again"))
            self.transport.close()
        else:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        super().data_received(data)
        if self._head_timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES and not self.transport.is_closing():
                text = f"the headers take more than {MOST_HEAD_BYTES:,} bytes"
                self._refuse(HttpRefusal(431, "headers_too_large", text))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def on_headers_complete(self) -> None:
        self._forget_timer()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        text = "this is no HTTP request that can be read; send HTTP/1.1"
        self._refuse(HttpRefusal(400, "not_http", text))

    def _forget_timer(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._refuse(HttpRefusal(408, "too_slow", f"the headers did not come within {HEAD_SECONDS:g} s"))

    def _refuse(self, refusal: HttpRefusal) -> None:
        """Answer what never became a request, and hang up; what was asked before is answered no more."""
        self._forget_timer()
        answer = answer_of(refusal)
        headers = [
            (b"content-type", answer.content_type),
            (b"content-length", b"%d" % len(answer.body)),
            (b"connection", b"close"),
            *answer.headers,
        ]
        lines = [b"HTTP/1.1 %d \r\n" % answer.status, *(b"%s: %s\r\n" % pair for pair in headers), b"\r\n"]
        # What is in flight might take this for its own answer; one whose body breaks off has no other.
        cycle = self.cycle
        if cycle is None or cycle.response_complete or (cycle.more_body and not cycle.response_started):
            self.transport.write(b"".join(lines) + answer.body)
        # Not closed at once: who still sends then never sees what we answer.
        self._refused = True
        self.transport.write_eof()
        self.loop.call_later(_LINGER_SECONDS, self.transport.close)


class _Joined:
    """A transport that sends at once what is written in one turn of the loop: for uvicorn, head and body.

    Two sends wake the client for half an answer, and cost a system call more.
    """

    def __init__(self, transport: Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._held:
            self._loop.call_soon(self._send)
        self._held.append(data)

    def close(self) -> None:
        self._send()
        self._transport.close()

    def write_eof(self) -> None:
        self._send()
        if not self._transport.is_closing():
            self._transport.write_eof()

    def _send(self) -> None:
        held, self._held = self._held, []
        if held and not self._transport.is_closing():
            self._transport.write(b"".join(held))


def _most_connections() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(_MOST_CONNECTIONS, max(1, soft - _SPARE_DESCRIPTORS))
