"""Delivery: what a durable message says of the stream it comes from."""

from datetime import UTC, datetime

import msgspec

from .errors import Unsupported
from .message import Message

ACKNOWLEDGEMENTS = "$JS.ACK."  # how every subject begins where a stream's message is acknowledged

_SHORT, _LONG = 9, 11  # tokens of such a subject; the long one also names a domain and an account


class Delivery(msgspec.Struct, frozen=True):
    """Where a message is in its stream, and how often it was delivered, this time included.

    sequence: its number in the stream, from 1, which gaps and duplicates can be told by. waiting: how many
    come after it. stored: when the stream got it.
    """

    stream: str
    consumer: str
    deliveries: int
    sequence: int
    waiting: int
    stored: datetime


def is_durable(message: Message) -> bool:
    """Claim that *message* was delivered by a stream, which awaits an acknowledgement."""
    return message.reply_to is not None and message.reply_to.startswith(ACKNOWLEDGEMENTS)


def delivery_of(message: Message) -> Delivery:
    """Read the delivery of a message of a durable subscription from the subject it is acknowledged at.

    Source: NATS, "JetStream wire API reference", $JS.ACK.

    >>> delivery_of(Message("a", b"", None, "$JS.ACK.orders.billing.2.7.9.1700000000000000000.3")).sequence
    7

    Raises:
        Unsupported: no stream delivered it.
    """
    tokens = (message.reply_to or "").split(".")
    if not is_durable(message) or len(tokens) < _SHORT:
        raise Unsupported(
            f"a message to {message.subject!r} was delivered by no stream, and cannot be acknowledged; "
            "subscribe with durable="
        )
    stream, consumer, deliveries, sequence, _, nanoseconds, waiting = (
        tokens[4:11] if len(tokens) >= _LONG else tokens[2:9]
    )
    seconds, rest = divmod(
        int(nanoseconds), 10**9
    )  # rounded down, so that a replay from here has the message
    stored = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)
    return Delivery(stream, consumer, int(deliveries), int(sequence), int(waiting), stored)
