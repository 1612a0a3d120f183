"""Target: how fast a benchmark promises to be, and how fast it was."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

_UNITS_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0}
_DURATION = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+)\s*(ns|us|µs|μs|ms|s)\s*")
_PLAIN_STATISTICS = ("mean", "median", "min", "max", "stddev")
_PERCENTILE = re.compile(r"p(\d{1,2}(?:_\d+)?)")


class BadTarget(ValueError):
    """A target marker that cannot be understood, or cannot be measured on this benchmark."""


class Target(msgspec.Struct, frozen=True):
    """A promise and its measured value, both in seconds; `statistic` is mean, median, …, or p99 or p99.9."""

    statistic: str
    target_seconds: float
    value_seconds: float

    @property
    def met(self) -> bool:
        """Claim that the value is at or under the target."""
        return self.value_seconds <= self.target_seconds


def parse_duration(text: str) -> float:
    """Read a duration such as `50ms`, `1.5 us` or `2s` as seconds, greater than 0.

    >>> parse_duration("50ms")
    0.05

    Raises:
        BadTarget: *text* is not a positive number followed by ns, us, ms or s.
    """
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    seconds = float(found[1]) * _UNITS_SECONDS[found[2]] if found else 0.0
    if not 0 < seconds < math.inf:
        raise BadTarget(f"{text!r} is not a duration; write a positive number and a unit, such as '50ms'")
    return seconds


def parse_targets(arguments: Sequence[object], keywords: Mapping[str, Any]) -> dict[str, float]:
    """Read the arguments of `@pytest.mark.target(p99="50ms")` as seconds by statistic.

    Raises:
        BadTarget: positional or no arguments, an unknown statistic or a bad duration.
    """
    if arguments or not keywords:
        raise BadTarget("it takes statistics by name, such as target(p99='50ms') or target(median='2us')")
    return {_statistic(name): parse_duration(text) for name, text in keywords.items()}


def measure_target(
    statistic: str,
    target_seconds: float,
    *,
    stats: Any,
    iterations: int,
    extra_info: Mapping[str, Any],
) -> Target:
    """Hold a promise against what pytest-benchmark measured (*stats*, its Stats of one benchmark).

    A benchmark that knows better says so by `benchmark.extra_info["p99_seconds"] = value`.

    Raises:
        BadTarget: a percentile is asked of rounds that are means of several calls, or the benchmark's own
            value is no positive number.
    """
    own_key = f"{statistic.replace('.', '_')}_seconds"
    own = extra_info.get(own_key)
    if own is not None:
        if isinstance(own, bool) or not isinstance(own, int | float) or not 0 < own < math.inf:
            raise BadTarget(f"extra_info[{own_key!r}] is {own!r}; set it to a positive number of seconds")
        return Target(statistic, target_seconds, float(own))
    if statistic in _PLAIN_STATISTICS:
        return Target(statistic, target_seconds, float(getattr(stats, statistic)))
    if iterations > 1:
        raise BadTarget(
            f"{statistic} cannot be told from rounds of {iterations} iterations each, whose times are means; "
            f"use benchmark.pedantic(..., iterations=1), or set benchmark.extra_info[{own_key!r}]"
        )
    return Target(statistic, target_seconds, percentile(stats.sorted_data, float(statistic[1:])))


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile of *ordered* values, *percent* in 0..100.

    >>> percentile([1, 2, 3, 4], 50), percentile([1, 2, 3, 4], 99)
    (2, 4)
    """
    # Rounding first: 0.999 * 1000 is 999.0000000000001 in floating point, and not rank 1000.
    rank = math.ceil(round(percent / 100 * len(ordered), 9))
    return ordered[max(rank, 1) - 1]


def _statistic(name: str) -> str:
    found = _PERCENTILE.fullmatch(name)
    if found:
        return "p" + found[1].replace("_", ".")
    if name in _PLAIN_STATISTICS:
        return name
    known = ", ".join(_PLAIN_STATISTICS)
    raise BadTarget(f"{name!r} is not a statistic; use {known}, or a percentile such as p99 or p99_9")
