"""Plan: what is to be measured."""

import os
from typing import Literal

import msgspec

from ..message import LARGEST_BYTES

Mode = Literal["one-way", "round-trip"]
Reader = Literal["thread", "loop"]

STAMP_BYTES = 8  # of the intended send time, with which each message begins
PAYLOAD_BYTES_MOST = LARGEST_BYTES
WARM_UP_SECONDS = 0.5  # connections, caches and the first collection of garbage, none of which comes again


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be measured, once.

    rate: messages a second of all publishers together. reader: what subscribers and requesters wait in. busy:
    threads that hold the GIL beside whoever receives, and for how long at a time.
    """

    url: str
    mode: Mode = "one-way"
    rate: int = 10_000
    seconds: float = 10.0
    payload_bytes: int = 128
    publishers: int = 1
    subscribers: int = 1
    warm_up_seconds: float = WARM_UP_SECONDS
    reader: Reader = "loop"
    busy: int = 0
    switch_interval_seconds: float | None = None
    # Two measurements on one server must not hear each other.
    subject: str = msgspec.field(default_factory=lambda: f"latency.{os.getpid()}-{os.urandom(4).hex()}")

    @property
    def in_process(self) -> bool:
        """Claim that the URL names a bus that ends with this process."""
        return self.url.startswith("inproc:")

    @property
    def messages(self) -> int:
        """Count what is to be sent, the warm-up aside."""
        return max(round(self.rate * self.seconds), 1)

    @property
    def warm_up_messages(self) -> int:
        """Count what is sent before, and not recorded."""
        return round(self.rate * self.warm_up_seconds)
