"""A message bus: publish, subscribe, request, in one process, over ZeroMQ and over NATS."""

from .blocking_bus import BlockingBus
from .bus import Bus, Durable
from .connect import connect
from .delivery import Delivery, delivery_of
from .errors import (
    BadUrl,
    BusError,
    Closed,
    Disconnected,
    Malformed,
    NoResponders,
    Refused,
    RequestTimeout,
    SlowConsumer,
    TooLarge,
    Unsupported,
)
from .message import Message
from .subject import BadSubject
from .subscription import BlockingSubscription, Subscription

__all__ = [
    "BadSubject",
    "BadUrl",
    "BlockingBus",
    "BlockingSubscription",
    "Bus",
    "BusError",
    "Closed",
    "Delivery",
    "Disconnected",
    "Durable",
    "Malformed",
    "Message",
    "NoResponders",
    "Refused",
    "RequestTimeout",
    "SlowConsumer",
    "Subscription",
    "TooLarge",
    "Unsupported",
    "connect",
    "delivery_of",
]
