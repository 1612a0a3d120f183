"""Outbox: what a node has to say, in order, until it is written."""

import re
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from .message import Body, Message
from .serialize import serialize

_encode = msgspec.json.Encoder().encode

SERVICES = frozenset({"lin-kv", "seq-kv", "lww-kv", "lin-tso"})
_CLIENT = re.compile(r"c\d+")


class Outbox:
    """Messages of one node, replies and others.

    What is posted is checked and written as JSON at once, so that a mistake is raised where it was made:
    Maelstrom stops listening to a node for good after one line that it cannot deliver.
    """

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.posted = 0
        """How many of the messages are no replies."""
        self._src = ""
        self._known: set[str] = set()

    def address(self, node_id: str, node_ids: list[str]) -> None:
        """Say who sends, and to whom it may."""
        self._src = node_id
        self._known = {node_id, *node_ids, *SERVICES}

    def introduce(self, dest: str) -> None:
        """Let messages be sent to *dest*, which is no node and no service of Maelstrom."""
        self._known.add(dest)

    def post(self, dest: str, body: Body | dict[str, Any], msg_id: int | UnsetType = UNSET) -> None:
        """Add a message to *dest*; a request has a *msg_id*.  *body* stays as it is.

        Raises:
            ValueError: nobody is called *dest*.
            TypeError: *body* is neither a Body nor a dict with a type.
            UnserializableMessage: it holds what JSON cannot.
            RuntimeError: the node does not know who it is before init.
        """
        if dest not in self._known:
            self._require(dest)
        if isinstance(body, Body):
            before, body.msg_id = body.msg_id, msg_id
            try:
                line = _encode(Message(self._src, dest, body))
            except Exception:
                line = serialize(Message(self._src, dest, body))  # slower, and knows what else JSON can hold
            finally:
                body.msg_id = before
        elif isinstance(body, dict) and isinstance(body.get("type"), str):
            line = serialize(
                Message(self._src, dest, body if msg_id is UNSET else {**body, "msg_id": msg_id})
            )
        elif isinstance(body, dict):
            raise TypeError(f"a body needs a type that is a string, not {body.get('type')!r:.80}")
        else:
            raise TypeError(f"a {type(body).__name__} is no body; send a Body or a dict with a type")
        self.messages.append(Raw(line))
        self.posted += 1

    def take(self) -> list[Any]:
        """Return all messages, and be empty."""
        messages, self.messages, self.posted = self.messages, [], 0
        return messages

    def _require(self, dest: object) -> None:
        if not self._src:
            raise RuntimeError("a node can send messages once it is initialised; use on_init")
        if not isinstance(dest, str) or not _CLIENT.fullmatch(dest):
            known = ", ".join(sorted(self._known))
            raise ValueError(f"nobody is called {dest!r:.80}; there are {known:.500}, and clients such as c1")
        self._known.add(dest)
