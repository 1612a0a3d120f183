"""Message: what is published, and what bounds it."""

from typing import Any, Literal

import msgspec

LARGEST_BYTES = 1024 * 1024  # of a message, as in NATS
LARGEST_HEADERS = 32 * 1024  # characters, names and values together
LIMIT = 65_536  # messages that wait in a subscription
TIMEOUT_SECONDS = 2.0  # of a request

OnFull = Literal["block", "drop_oldest", "drop_new", "error"]


class Message(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What was published: bytes, and where a reply is expected, the subject it goes to.

    value: the data as the type that the subscription asked for; None without one.
    """

    subject: str
    data: bytes
    headers: dict[str, str] | None = None
    reply_to: str | None = None
    value: Any = None
