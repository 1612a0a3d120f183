"""Figures of one bench, for its extra_info."""

from collections.abc import Iterable

from messenger.gate.target import percentile

PERCENTS = (50, 95, 99, 100)


def percentiles_us(times_ns: Iterable[int], name: str = "") -> dict[str, float]:
    """Return the median, the tail and the worst of *times_ns*.

    >>> percentiles_us([1000, 2000, 9000], "heard_")
    {'heard_p50_us': 2.0, 'heard_p95_us': 9.0, 'heard_p99_us': 9.0, 'heard_max_us': 9.0}
    """
    ordered = sorted(times_ns)
    named = {f"p{percent}" if percent < 100 else "max": percentile(ordered, percent) for percent in PERCENTS}
    return {f"{name}{key}_us": round(value / 1e3, 1) for key, value in named.items()}


def promised(times_ns: Iterable[int]) -> dict[str, float]:
    """Return what a `target` of p50 and p99 is held against, where it is not what the bench's rounds took."""
    ordered = sorted(times_ns)
    return {f"p{percent}_seconds": percentile(ordered, percent) / 1e9 for percent in (50, 99)}


def note_rounds(benchmark) -> None:
    """Note the tail of the rounds, where they were timed."""
    if benchmark.stats:
        benchmark.extra_info |= percentiles_us(seconds * 1e9 for seconds in benchmark.stats.stats.data)
