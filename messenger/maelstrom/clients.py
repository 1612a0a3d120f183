"""Clients: they send requests to nodes and wait for the replies."""

import asyncio
from typing import Any

from .network import Envelope
from .router import Complain, Router
from .wire import NotAMessage, quote, read_body, write_message

TIMEOUT_SECONDS = 5.0
"""How long a client waits for a reply. Source: Maelstrom, src/maelstrom/client.clj."""


class Refused(Exception):
    """A node answered with an error."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


class MalformedReply(Exception):
    """A node answered what no node may answer to that request."""


class Client:
    """One client, which can wait for several replies at a time; late ones are ignored."""

    def __init__(self, name: str, router: Router, complain: Complain) -> None:
        self.name = name
        self._router = router
        self._complain = complain
        self._next_msg_id = 1
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        router.connect(name, self._deliver)

    async def request(
        self, dest: str, body: dict[str, Any], timeout_seconds: float = TIMEOUT_SECONDS
    ) -> dict[str, Any]:
        """Send *body* to *dest*, and return the body of the reply.

        Raises:
            Refused: the reply is an error.
            MalformedReply: the reply is of another type than the one that belongs to the request.
            TimeoutError: there was no reply in time.
        """
        msg_id, self._next_msg_id = self._next_msg_id, self._next_msg_id + 1
        reply: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[msg_id] = reply
        try:
            self._router.post(write_message(self.name, dest, {**body, "msg_id": msg_id}))
            return _accept(body, await asyncio.wait_for(reply, timeout_seconds))
        finally:
            del self._waiting[msg_id]

    def _deliver(self, envelope: Envelope) -> None:
        message = envelope.message
        try:
            body = read_body(message)
        except NotAMessage as error:
            self._complain(
                f"{message.src} sent {self.name} what cannot be read ({error}): {quote(bytes(message.body))}"
            )
            return
        msg_id = body.get("in_reply_to")
        reply = self._waiting.get(msg_id) if type(msg_id) is int else None
        if reply is not None and not reply.done():
            reply.set_result(body)


def _accept(request: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
    if reply.get("type") == "error":
        code, text = reply.get("code"), reply.get("text", "")
        if type(code) is not int:
            raise MalformedReply(f"its error has no integer as code: {reply}")
        raise Refused(code, text if isinstance(text, str) else str(text))
    expected = f"{request['type']}_ok"
    if reply.get("type") != expected:
        raise MalformedReply(f"its type is {reply.get('type')!r}, not {expected!r}: {reply}")
    return reply
