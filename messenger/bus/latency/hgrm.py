"""HdrHistogram's percentile text, `.hgrm`, which the field's plotters read; values in microseconds.

Source: HdrHistogram, `AbstractHistogram.outputPercentileDistribution` and `PercentileIterator`.
"""

from bisect import bisect_right
from collections.abc import Iterator
from math import floor, fsum, log2, sqrt

from .latencies import Latencies

_TICKS_PER_HALF_DISTANCE = 5


def levels(count: int) -> Iterator[float]:
    """Yield the percentiles of *count* values that are worth a line, denser towards 100, which comes last.

    >>> [round(level, 1) for level in levels(4)]
    [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 55.0, 60.0, 65.0, 70.0, 75.0, 100.0]
    """
    percent = 0.0
    while (left := 100 - percent) * count >= 100 - 1e-6:
        yield percent
        halvings = floor(log2(100 / left) + 1e-9) + 1
        percent += 100 / (_TICKS_PER_HALF_DISTANCE * 2**halvings)
    yield 100.0


def render_hgrm(latencies: Latencies) -> str:
    """Write what share of all took how long at most.

    Raises:
        ValueError: there are none.
    """
    lines = [f"{'Value':>12} {'Percentile':>14} {'TotalCount':>10} {'1/(1-Percentile)':>14}", ""]
    for percent in levels(len(latencies)):
        value_ns = latencies.at(percent)
        count = bisect_right(latencies.sorted_ns, value_ns)
        line = f"{value_ns / 1000:12.3f} {percent / 100:2.12f} {count:10d}"
        lines.append(line if percent == 100 else f"{line} {100 / (100 - percent):14.2f}")
    # The format's last lines; its readers skip what begins with #, and so should whoever looks for the tail.
    values_us = [value_ns / 1000 for value_ns in latencies.sorted_ns]
    mean = fsum(values_us) / len(values_us)
    deviation = sqrt(fsum((value - mean) ** 2 for value in values_us) / len(values_us))
    return "\n".join(
        [
            *lines,
            f"#[Mean    = {mean:12.3f}, StdDeviation   = {deviation:12.3f}]",
            f"#[Max     = {values_us[-1]:12.3f}, Total count    = {len(values_us):12d}]",
            f"#[Buckets = {0:12d}, SubBuckets     = {0:12d}]",
            "",
        ]
    )
