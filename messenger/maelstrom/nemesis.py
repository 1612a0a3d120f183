"""Faults: which ones, when, and to whom, drawn before a test begins."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import cycle
from random import Random

from msgspec import Struct

from .network import Link
from .partitions import KINDS


class FaultKind(StrEnum):
    """What a nemesis can do."""

    PARTITION = "partition"
    KILL = "kill"
    PAUSE = "pause"


class Fault(Struct, frozen=True):
    """One fault, from one time to another, in seconds since the test began."""

    kind: FaultKind
    caption: str
    from_seconds: float
    until_seconds: float
    nodes: tuple[str, ...] = ()
    blocked: frozenset[Link] = frozenset()


Draw = Callable[[], tuple[str, tuple[str, ...], frozenset[Link]]]


def plan(
    kinds: Iterable[FaultKind],
    nodes: Sequence[str],
    *,
    interval_seconds: float,
    limit_seconds: float,
    seed: str,
) -> list[Fault]:
    """Draw the faults of a test in the order in which they begin.

    Each kind goes its own way: about *interval_seconds* of peace, then as long a fault, and so on, until
    *limit_seconds*; every fault that began ends there at the latest.
    """
    faults = []
    for kind in dict.fromkeys(kinds):
        random = Random(f"{seed}/{kind}")
        draw = _partitions(nodes, random) if kind is FaultKind.PARTITION else _victims(nodes, random)
        for begin, end in _spans(interval_seconds, limit_seconds, random):
            caption, victims, blocked = draw()
            faults.append(Fault(kind, caption, begin, end, victims, blocked))
    return sorted(faults, key=lambda fault: fault.from_seconds)


def _spans(interval: float, limit: float, random: Random) -> Iterator[tuple[float, float]]:
    begin = random.uniform(0.5, 1.5) * interval
    while begin < limit:
        end = begin + random.uniform(0.5, 1.5) * interval
        yield begin, min(end, limit)
        begin = end + random.uniform(0.5, 1.5) * interval


def _partitions(nodes: Sequence[str], random: Random) -> Draw:
    turns = cycle(KINDS.items())

    def draw() -> tuple[str, tuple[str, ...], frozenset[Link]]:
        caption, cut = next(turns)
        return caption, (), cut(nodes, random)

    return draw


def _victims(nodes: Sequence[str], random: Random) -> Draw:
    majority = len(nodes) // 2 + 1
    counts = {"one node": 1, "a minority": max(1, len(nodes) - majority), "a majority": majority}

    def draw() -> tuple[str, tuple[str, ...], frozenset[Link]]:
        caption, count = random.choice([*counts.items()])
        return caption, tuple(sorted(random.sample(nodes, count))), frozenset()

    return draw
