"""A network that delays, loses and partitions messages, and touches nothing outside."""

import heapq
from collections import deque
from collections.abc import Callable, Collection
from enum import StrEnum
from random import Random

from msgspec import Raw, Struct

from messenger.node.message import Message

Link = tuple[str, str]
"""A source and a destination; the way back is another link."""

HELD_FOR_DOWN_NODE = 10
"""How many messages wait for a node that is killed or paused; more are lost, as in Maelstrom."""

CONTROL = "c0"
"""The client that initialises nodes; it reaches those that are down as well."""


class LatencyDistribution(StrEnum):
    """How latencies spread: all are the mean, any up to twice the mean, or exponentially."""

    CONSTANT = "constant"
    UNIFORM = "uniform"
    EXPONENTIAL = "exponential"


class Envelope(Struct, frozen=True):
    """A message on its way, and the number that the network gave it."""

    id: int
    message: Message[Raw]


class Network:
    """Messages on their way; it is told what time it is, in ns, and asked what is due.

    Messages from and to clients take no time and are never lost: a slow client would hide anomalies.
    Source: Maelstrom, src/maelstrom/net.clj (`latency-for`, `recv!`).
    """

    def __init__(
        self,
        random: Random,
        *,
        latency_ms: float = 0.0,
        distribution: LatencyDistribution = LatencyDistribution.CONSTANT,
        loss: float = 0.0,
    ) -> None:
        self._random = random
        self._draw_ms = _sampler(random, latency_ms, distribution)
        self._loss = loss
        self._due: list[tuple[int, int, Envelope]] = []
        self._held: dict[str, deque[Envelope]] = {}
        self._blocked: frozenset[Link] = frozenset()
        self.sent = 0
        self.sent_between_servers = 0
        self.lost = 0

    def send(self, message: Message[Raw], now_ns: int) -> None:
        """Take a message; it is due later, or lost."""
        envelope = Envelope(self.sent, message)
        self.sent += 1
        delay_ns = 0
        if not involves_client(message):
            self.sent_between_servers += 1
            if self._loss and self._random.random() < self._loss:
                self.lost += 1
                return
            delay_ns = int(self._draw_ms() * 1e6)
        heapq.heappush(self._due, (now_ns + delay_ns, envelope.id, envelope))

    def due(self, now_ns: int) -> list[Envelope]:
        """Take out what arrives by *now_ns*, in order; what a partition blocks then is lost."""
        arriving = []
        while self._due and self._due[0][0] <= now_ns:
            envelope = heapq.heappop(self._due)[2]
            held = self._held.get(envelope.message.dest)
            if (envelope.message.src, envelope.message.dest) in self._blocked:
                self.lost += 1
            elif held is None or envelope.message.src == CONTROL:
                arriving.append(envelope)
            elif held.maxlen is None or len(held) < held.maxlen:
                held.append(envelope)
            else:
                self.lost += 1
        return arriving

    @property
    def next_due_ns(self) -> int | None:
        """When the next message arrives; None, when none is on its way."""
        return self._due[0][0] if self._due else None

    def partition(self, blocked: Collection[Link]) -> None:
        """Lose, from now on, what arrives over these links, and over no others."""
        self._blocked = frozenset(blocked)

    def heal(self) -> None:
        """End the partition."""
        self._blocked = frozenset()

    def hold(self, node: str, messages_max: int | None = HELD_FOR_DOWN_NODE) -> None:
        """Keep what arrives for a node that is down or has not started; more than *messages_max* is lost."""
        self._held.setdefault(node, deque(maxlen=messages_max))

    def release(self, node: str, now_ns: int) -> None:
        """Let a node that is up again have what was kept for it."""
        for envelope in self._held.pop(node, ()):
            heapq.heappush(self._due, (now_ns, envelope.id, envelope))


def is_client(name: str) -> bool:
    """Tell clients (`c1`) from nodes (`n1`) and services (`lin-kv`).

    >>> is_client("c12"), is_client("n1"), is_client("lin-kv")
    (True, False, False)
    """
    return name.startswith("c")


def involves_client(message: Message[Raw]) -> bool:
    """Tell whether a client sends or gets *message*."""
    return is_client(message.src) or is_client(message.dest)


def _sampler(random: Random, mean_ms: float, distribution: LatencyDistribution) -> Callable[[], float]:
    if not mean_ms or distribution is LatencyDistribution.CONSTANT:
        return lambda: mean_ms
    if distribution is LatencyDistribution.UNIFORM:
        return lambda: random.uniform(0, 2 * mean_ms)
    return lambda: random.expovariate(1 / mean_ms)
