"""Entries: what connections and their hub say to each other over ZeroMQ, many in one frame.

A frame is a MessagePack array of entries, and an entry an array that begins with its number. What one
side does not know it drops, with all of the frame that it came in.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

import msgspec

from .errors import Malformed
from .message import LARGEST_BYTES, Message

VERSION = 1
LARGEST_FRAME_BYTES = 2 * LARGEST_BYTES  # a message has headers, and a subject, besides its data

Content = TypeVar("Content")  # of a message, read or not


class Hello(msgspec.Struct, array_like=True, tag=0, frozen=True):
    """The first words of a connection, whenever it comes up; the hub forgets what it knew of it."""

    version: int


class Publish(msgspec.Struct, Generic[Content], array_like=True, tag=1, frozen=True, gc=False):
    """A message as its publisher wrote it; the hub hands it on without a look inside."""

    subject: str
    message: Content


class Request(msgspec.Struct, Generic[Content], array_like=True, tag=2, frozen=True, gc=False):
    """The same, where `Nobody` is wanted if nobody subscribes."""

    subject: str
    reply_to: str
    message: Content


class Subscribe(msgspec.Struct, array_like=True, tag=3, frozen=True, gc=False):
    """Begin a subscription; *number* is its connection's choice."""

    number: int
    pattern: str
    queue_group: str | None


class Unsubscribe(msgspec.Struct, array_like=True, tag=4, frozen=True, gc=False):
    """End it; what the hub keeps for it comes before the next `Pong`."""

    number: int


class Pause(msgspec.Struct, array_like=True, tag=5, frozen=True, gc=False):
    """Keep what comes for a subscription."""

    number: int


class Resume(msgspec.Struct, array_like=True, tag=6, frozen=True, gc=False):
    """Send what was kept, and what comes."""

    number: int


class Ping(msgspec.Struct, array_like=True, tag=7, frozen=True, gc=False):
    """Say `Pong` when all that came before is done."""

    number: int


class Bye(msgspec.Struct, array_like=True, tag=8, frozen=True, gc=False):
    """Nothing more comes, and nothing is wanted."""


class Deliver(msgspec.Struct, Generic[Content], array_like=True, tag=9, frozen=True, gc=False):
    """A message for a subscription; number 0 is for replies."""

    number: int
    message: Content


class Nobody(msgspec.Struct, array_like=True, tag=10, frozen=True, gc=False):
    """Nobody answers the request that wanted its reply there."""

    reply_to: str


class Lost(msgspec.Struct, array_like=True, tag=11, frozen=True, gc=False):
    """So many messages were dropped by the hub, since a subscription was too slow."""

    number: int
    count: int


class Pong(msgspec.Struct, array_like=True, tag=12, frozen=True, gc=False):
    """All that came before the `Ping` of this number is done."""

    number: int


Unread = msgspec.Raw

FromConnection = (
    Hello | Publish[Unread] | Request[Unread] | Subscribe | Unsubscribe | Pause | Resume | Ping | Bye
)
FromHub = Deliver[Message] | Nobody | Lost | Pong

_decode = msgspec.msgpack.Decoder(Message).decode


def read(entries: Iterable[Any], on_bad: Callable[[Exception], None]) -> Iterator[Any]:
    """Yield *entries* with their messages read; what is no message is told to *on_bad*, and left out."""
    for entry in entries:
        if type(entry) is Deliver and isinstance(entry.message, Unread):
            try:
                yield Deliver(entry.number, read_message(entry.message))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                on_bad(Malformed(f"dropped what a publisher sent, for it is no message: {error}"))
        else:
            yield entry


def read_message(message: Unread | Message) -> Message:
    """Return a message that the hub has not looked into as what it is.

    Raises:
        msgspec.DecodeError, UnicodeDecodeError: it is none.
    """
    return message if isinstance(message, Message) else _decode(message)
