"""Latencies: durations in order, and their exact percentiles.

A histogram of buckets would save memory that nobody lacks (500,000 values are 4 MB) and round what it keeps.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from fractions import Fraction
from math import ceil

import msgspec

MILLISECOND_NS = 1_000_000


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of many latencies; None where there are none. A mean would hide the tail, and is not."""

    p50_us: float | None
    p90_us: float | None
    p99_us: float | None
    p999_us: float | None
    max_us: float | None
    over_1ms_share: float | None


class Latencies:
    """Durations in nanoseconds, sorted once."""

    def __init__(self, durations_ns: Iterable[int]) -> None:
        self.sorted_ns = array("q", sorted(durations_ns))

    @classmethod
    def from_bytes(cls, *parts: bytes) -> "Latencies":
        """Join what several processes of this machine have recorded, as `array("q").tobytes()`."""
        durations = array("q")
        for part in parts:
            durations.frombytes(part)
        return cls(durations)

    def __len__(self) -> int:
        return len(self.sorted_ns)

    def at(self, percent: float) -> int:
        """Return the nearest-rank percentile: the least value that *percent* of all do not exceed.

        >>> [Latencies([40, 10, 30, 20]).at(percent) for percent in (0, 25, 26, 50, 99.9, 100)]
        [10, 10, 20, 20, 40, 40]

        Raises:
            ValueError: there are none, or *percent* is not between 0 and 100.
        """
        if not self.sorted_ns or not 0 <= percent <= 100:
            raise ValueError(f"{len(self)} values have no percentile {percent}")
        # A float such as 99.9 means the decimal it is written as, and 0.999 * 1000 must not become rank 1000.
        rank = ceil(Fraction(repr(percent)) * len(self) / 100)
        return self.sorted_ns[max(rank, 1) - 1]

    def share_above(self, duration_ns: int) -> float:
        """Return which share of them, 0 to 1, took longer than *duration_ns*."""
        return (len(self) - bisect_right(self.sorted_ns, duration_ns)) / len(self)

    def summarize(self) -> Summary:
        """Tell them in microseconds."""
        if not self.sorted_ns:
            return Summary(
                p50_us=None, p90_us=None, p99_us=None, p999_us=None, max_us=None, over_1ms_share=None
            )
        return Summary(
            p50_us=self.at(50) / 1000,
            p90_us=self.at(90) / 1000,
            p99_us=self.at(99) / 1000,
            p999_us=self.at(99.9) / 1000,
            max_us=self.at(100) / 1000,
            over_1ms_share=self.share_above(MILLISECOND_NS),
        )
