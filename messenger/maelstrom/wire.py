"""Messages as the lines that nodes read and write."""

import json
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Raw

from messenger.node.message import Message

from .network import Envelope

DEPTH_MAX = 100

_decoder = msgspec.json.Decoder(Message[Raw])
_encoder = msgspec.json.Encoder()


class NotAMessage(ValueError):
    """A line that a node may not write."""


def parse(line: bytes) -> Message[Raw]:
    r"""Read a line; the body stays as it is written, so that nodes get each other's words unchanged.

    >>> parse(b'{"src": "n1", "dest": "n2", "body": {"type": "hi"}}').dest
    'n2'

    Raises:
        NotAMessage: *line* is not a JSON object with a src, a dest and a body that is an object.
    """
    try:
        message = _decoder.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise NotAMessage(str(error) or type(error).__name__) from error
    if not bytes(message.body).startswith(b"{"):
        raise NotAMessage("Expected `object` - at `$.body`")
    return message


def line_of(envelope: Envelope) -> bytes:
    """Write the line that delivers a message; it says the message's number as well, as Maelstrom's do."""
    message = envelope.message
    line = {"id": envelope.id, "src": message.src, "dest": message.dest, "body": message.body}
    return _encoder.encode(line) + b"\n"


def read_body(message: Message[Raw]) -> dict[str, Any]:
    """Read the body of a message that is not for a node.

    The standard library's reader keeps integers of any size whole; ids may be such.  Its writer fails at
    values that are nested deep, so there is a limit, `DEPTH_MAX`.

    Raises:
        NotAMessage: the body cannot be read after all.
    """
    raw = bytes(message.body)
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise NotAMessage(str(error) or type(error).__name__) from error
    if not isinstance(body, dict):
        raise NotAMessage("Expected `object` - at `$.body`")
    # Most bodies have fewer brackets than that in all, and counting them is quick.
    if raw.count(b"[") + raw.count(b"{") > DEPTH_MAX and _is_deeper_than(DEPTH_MAX, body):
        raise NotAMessage(f"it is nested deeper than {DEPTH_MAX} levels")
    return body


def write_message(src: str, dest: str, body: dict[str, Any]) -> Message[Raw]:
    """Make a message of a body that does not come from a node."""
    return Message(src, dest, Raw(json.dumps(body).encode()))


def quote(line: bytes, limit: int = 200) -> str:
    """Write the beginning of a line for people."""
    text = line[:limit].decode(errors="backslashreplace").rstrip("\n")
    return f"{text}{'…' * (len(line) > limit)}"


def _is_deeper_than(levels: int, value: Any) -> bool:
    level = [value]
    for _ in range(levels):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
