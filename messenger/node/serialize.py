"""Last stage: messages become lines for the network."""

import json
from collections.abc import Sequence
from traceback import format_exception_only
from typing import Any

import msgspec

from .errors import Crash
from .message import Body, Error, Message, integer_or_unset

_encoder = msgspec.json.Encoder()


class UnserializableMessage(ValueError):
    """A body that holds what JSON cannot."""


def serialize(message: Message[Any]) -> bytes:
    r"""Write *message* as one line of JSON, without the newline.

    >>> serialize(Message("n1", "c1", {"type": "read_ok", "value": 3}))
    b'{"src":"n1","dest":"c1","body":{"type":"read_ok","value":3}}'

    Raises:
        UnserializableMessage: the body holds an object that has no JSON form, or itself.
    """
    try:
        return _encoder.encode(message)
    except Exception as error:  # an attribute of a user's own class may raise anything
        return _serialize_slowly(message, error)


def serialize_lines(messages: Sequence[Message[Any] | msgspec.Raw]) -> bytes:
    r"""Write *messages* as lines of JSON, each ended by a newline; what is `Raw` has been written before.

    A message that cannot be written becomes an error 13 (crash) with the same ids: its receiver waits.
    """
    try:
        return _encoder.encode_lines(messages)
    except Exception:
        return b"".join(_serialize_or_apologise(message) + b"\n" for message in messages)


def _serialize_or_apologise(message: Message[Any] | msgspec.Raw) -> bytes:
    if isinstance(message, msgspec.Raw):
        return bytes(message)
    try:
        return serialize(message)
    except UnserializableMessage as error:
        return serialize(Message(message.src, message.dest, _apology(message.body, error)))


def _serialize_slowly(message: Message[Any], error: Exception) -> bytes:
    """Write what msgspec refuses and JSON allows: lone surrogates, as escapes."""
    try:
        return json.dumps(msgspec.to_builtins(message), separators=(",", ":"), allow_nan=False).encode()
    except Exception:
        raise UnserializableMessage(
            f"cannot write message from {message.src!r} to {message.dest!r} as JSON: "
            + "".join(format_exception_only(error)).strip()
        ) from error


def _apology(body: Any, error: Exception) -> Error:
    if isinstance(body, Body):
        msg_id, in_reply_to = body.msg_id, body.in_reply_to
    else:
        msg_id, in_reply_to = (integer_or_unset(body.get(key)) for key in ("msg_id", "in_reply_to"))
    return Error(code=Crash.code, text=str(error), msg_id=msg_id, in_reply_to=in_reply_to)
