"""Outbox: what a node has to say, in order, until it is written."""

import re
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from .message import Body, Message
from .serialize import serialize, serialize_lines

_encode = msgspec.json.Encoder().encode

SERVICES = frozenset({"lin-kv", "seq-kv", "lww-kv", "lin-tso"})
_CLIENT = re.compile(r"c\d+")


class Outbox:
    """Messages of one node: replies, which are written together, and what is posted between them.

    What is posted is checked and written as JSON at once, so that a mistake is raised where it was made:
    Maelstrom stops listening to a node for good after one line that it cannot deliver.
    """

    def __init__(self) -> None:
        self.replies: list[Message[Any]] = []
        """Replies behind all that was posted so far."""
        self._lines: list[bytes] = []
        self._replies_in_lines = 0
        self._src = ""
        self._known: set[str] = set()
        # The classes of bodies that have been sent: `isinstance` costs three times a look into a set.
        self._changeable: set[type] = set()

    @property
    def count(self) -> int:
        """How many replies there are."""
        return self._replies_in_lines + len(self.replies)

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
        if type(body) not in self._changeable:
            body = self._changed(body, msg_id)
            line = serialize(Message(self._src, dest, body))
        else:
            before, body.msg_id = body.msg_id, msg_id  # type: ignore[union-attr]
            try:
                line = _encode(Message(self._src, dest, body))
            except Exception:
                line = serialize(Message(self._src, dest, body))  # slower, and knows what else JSON can hold
            finally:
                body.msg_id = before  # type: ignore[union-attr]
        if self.replies:
            self._write_replies()
        self._lines.append(line)

    def take(self) -> tuple[bytes, int]:
        """Return all of it as lines, and how many of them are replies; be empty."""
        replies, lines = self.replies, self._lines
        output, count = serialize_lines(replies) if replies else b"", len(replies)
        replies.clear()
        if lines:
            output = b"\n".join(lines) + b"\n" + output
            count += self._replies_in_lines
            lines.clear()
            self._replies_in_lines = 0
        return output, count

    def _write_replies(self) -> None:
        """Keep the order of what is said: replies first, and then what is posted behind them."""
        self._lines.append(serialize_lines(self.replies)[:-1])
        self._replies_in_lines += len(self.replies)
        self.replies.clear()

    def _changed(self, body: Body | dict[str, Any], msg_id: int | UnsetType) -> Body | dict[str, Any]:
        """Return a copy of *body* with the id; the next of its class needs none, if it can be changed."""
        if isinstance(body, dict):
            if not isinstance(body.get("type"), str):
                raise TypeError(f"a body needs a type that is a string, not {body.get('type')!r:.80}")
            return body if msg_id is UNSET else {**body, "msg_id": msg_id}
        if not isinstance(body, Body):
            raise TypeError(f"a {type(body).__name__} is no body; send a Body or a dict with a type")
        if not type(body).__struct_config__.frozen:
            self._changeable.add(type(body))
        return replace(body, msg_id=msg_id)

    def _require(self, dest: object) -> None:
        if not self._src:
            raise RuntimeError("a node can send messages once it is initialised; use on_init")
        if not isinstance(dest, str) or not _CLIENT.fullmatch(dest):
            known = ", ".join(sorted(self._known))
            raise ValueError(f"nobody is called {dest!r:.80}; there are {known:.500}, and clients such as c1")
        self._known.add(dest)
