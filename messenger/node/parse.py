"""First stage: lines from the network become messages."""

import json
from typing import Any, Union

import msgspec
from msgspec import UNSET

from .message import Body, Malformed, Message, integer_or_unset

_EXCERPT_BYTES = 80


class MalformedMessage(ValueError):
    """A line that is not a message, or whose body lacks what its type needs."""


class BodyTypes:
    """The bodies a decoder knows: it reads them in one pass with their envelope.

    Without any it reads every body as a dict of plain JSON values.
    """

    decoder: msgspec.json.Decoder[Message[Any]]

    def __init__(self, *types: type[Body]) -> None:
        self.by_tag = {str(type_.__struct_config__.tag): type_ for type_ in types}

    def __getattr__(self, name: str) -> Any:
        """Make the decoder when it is first asked for: a node with fifty handlers makes one, not fifty."""
        if name != "decoder":
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        types = tuple(self.by_tag.values())
        body: Any = Union[types] if types else dict[str, Any]  # noqa: UP007 - known at run time only
        self.decoder = msgspec.json.Decoder(Message[body])
        return self.decoder


PLAIN = BodyTypes()


def parse(line: bytes, types: BodyTypes = PLAIN) -> Message[Any]:
    r"""Read one line of JSON as a `Message`.

    The body is one of *types* when its type names one, else a dict.

    >>> parse(b'{"src": "c1", "dest": "n1", "body": {"type": "read"}}').body
    {'type': 'read'}

    Raises:
        MalformedMessage: *line* is not JSON, or lacks src, dest or body; or its body is
            of a known type and lacks a field.
    """
    try:
        return types.decoder.decode(line)
    except Exception as error:  # RecursionError, OverflowError, what a body's __post_init__ raises ...
        message = _reread(line, types, error)
    if isinstance(message.body, Malformed):
        raise MalformedMessage(
            f"cannot read message: {message.body.text}; line starts {line[:_EXCERPT_BYTES]!r}"
        )
    return message


def parse_lines(chunk: bytes, types: BodyTypes = PLAIN) -> list[Message[Any]]:
    r"""Read every line of *chunk*; blank ones are passed over, bad ones come back as `Malformed` bodies.

    *chunk* is whole lines: the last newline may be missing, half a message may not.

    >>> [message.src for message in parse_lines(b'{"src":"c1","dest":"n1","body":{}}\n\n[]\n')]
    ['c1', '']
    """
    try:
        return types.decoder.decode_lines(chunk)
    except Exception:
        # One line spoils the batch, and no error says which; reading the others again costs less
        # than splitting every good batch.
        try:
            return _parse_mixed(chunk, types)
        except Exception:
            return [message for line in chunk.split(b"\n") for message in _parse_alone(line, types)]


def _parse_mixed(chunk: bytes, types: BodyTypes) -> list[Message[Any]]:
    """Read lines of which all are well and some of unknown types: replies, above all, that become dicts."""
    if types is PLAIN:
        raise ValueError("all types are known that are read as plain JSON")
    by_tag, decode = types.by_tag, types.decoder.decode
    messages = PLAIN.decoder.decode_lines(chunk)
    lines = [line for line in chunk.split(b"\n") if line.strip()]
    for place, (message, line) in enumerate(zip(messages, lines, strict=True)):
        type_ = message.body.get("type")
        if type(type_) is str and type_ in by_tag:
            messages[place] = decode(line)  # not converted: a Decimal would have been a float
    return messages


def _parse_alone(line: bytes, types: BodyTypes) -> list[Message[Any]]:
    try:
        return types.decoder.decode_lines(line)
    except Exception as error:
        return [_reread(line, types, error)]


def _reread(line: bytes, types: BodyTypes, error: Exception) -> Message[Any]:
    """Read what can be read of a line that the decoder of *types* refused with *error*."""
    try:
        message = PLAIN.decoder.decode(line)
    except Exception:
        return _salvage(line, error)
    type_ = message.body.get("type")
    if isinstance(type_, str) and type_ in types.by_tag:
        return _malformed(message.src, message.dest, message.body, error)
    return message


def _salvage(line: bytes, error: Exception) -> Message[Any]:
    """Find the sender of a line that msgspec refuses, so that it can be told.

    Python's own decoder also reads lone surrogates and NaN, and tolerates what we did not ask for.
    """
    try:
        found = json.loads(line.decode("utf-8-sig", "replace"))
    except Exception:
        found = None
    envelope = found if isinstance(found, dict) else {}
    body = envelope.get("body")
    return _malformed(
        envelope.get("src"), envelope.get("dest"), body if isinstance(body, dict) else {}, error
    )


def _malformed(src: object, dest: object, body: dict[str, Any], error: Exception) -> Message[Malformed]:
    return Message(
        src if isinstance(src, str) else "",
        dest if isinstance(dest, str) else "",
        Malformed(
            text=str(error),
            # Without a sender there is no one to tell.
            msg_id=integer_or_unset(body.get("msg_id")) if isinstance(src, str) else UNSET,
            in_reply_to=integer_or_unset(body.get("in_reply_to")),
        ),
    )
