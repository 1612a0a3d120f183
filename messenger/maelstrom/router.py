"""Carries messages between nodes, services and clients, when the network says that they are due."""

import asyncio
import time
from collections.abc import Callable

from msgspec import Raw

from messenger.node.message import Message

from .network import Envelope, Network
from .services import Service
from .wire import NotAMessage, parse, quote, read_body, write_message

Deliver = Callable[[Envelope], None]
Complain = Callable[[str], None]


class Router:
    """The network on an event loop, and everyone who is connected to it.

    What a node does wrong on the network, it tells *complain*, with the line quoted.
    """

    def __init__(self, network: Network, complain: Complain) -> None:
        self.network = network
        self._complain = complain
        self._endpoints: dict[str, Deliver] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns: int | None = None

    def connect(self, name: str, deliver: Deliver) -> None:
        """Let *deliver* have what arrives for *name*."""
        self._endpoints[name] = deliver

    def connect_service(self, name: str, service: Service) -> None:
        """Let *service* answer what arrives for *name*."""

        def serve(envelope: Envelope) -> None:
            message = envelope.message
            try:
                body = read_body(message)
            except NotAMessage as error:
                self._complain(f"{message.src} sent {name} what cannot be read ({error}): {_text(message)}")
                return
            reply = service.handle(message.src, body)
            if "msg_id" in body:
                reply = {**reply, "in_reply_to": body["msg_id"]}
            self.post(write_message(name, message.src, reply))

        self.connect(name, serve)

    def post(self, message: Message[Raw]) -> None:
        """Send a message."""
        self.network.send(message, time.monotonic_ns())
        self._set_timer()

    def post_line(self, node: str, line: bytes) -> None:
        """Send what *node* has written, if it is a message of its own for someone who exists."""
        try:
            message = parse(line)
        except NotAMessage as error:
            self._complain(f"{node} wrote a line that is not a message ({error}): {quote(line)}")
            return
        if message.src != node:
            self._complain(f"{node} wrote a message whose src is {message.src!r}: {quote(line)}")
        elif message.dest not in self._endpoints:
            self._complain(f"{node} wrote a message to {message.dest!r}, which does not exist: {quote(line)}")
        else:
            self.post(message)

    def release(self, node: str) -> None:
        """Let a node that is up again have what was kept for it."""
        self.network.release(node, time.monotonic_ns())
        self._set_timer()

    def close(self) -> None:
        """Carry nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._endpoints.clear()

    def _set_timer(self) -> None:
        due_ns = self.network.next_due_ns
        if due_ns is None or (self._timer_ns is not None and self._timer_ns <= due_ns):
            return
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        # Never at once, even when it is due: a reply to a reply to a reply would fill the stack.
        self._timer = loop.call_later(max(0, due_ns - time.monotonic_ns()) / 1e9, self._carry)
        self._timer_ns = due_ns

    def _carry(self) -> None:
        self._timer = self._timer_ns = None
        for envelope in self.network.due(time.monotonic_ns()):
            if deliver := self._endpoints.get(envelope.message.dest):
                deliver(envelope)
        self._set_timer()


def _text(message: Message[Raw]) -> str:
    return quote(bytes(message.body))
