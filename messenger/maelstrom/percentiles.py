"""Percentiles of a handful of numbers."""

from collections.abc import Sequence

FRACTIONS = {"p0": 0.0, "p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return, for each name in `FRACTIONS`, the smallest value that so many are no greater than.

    >>> percentiles([4.0, 1.0, 2.0, 3.0])
    {'p0': 1.0, 'p50': 2.0, 'p95': 4.0, 'p99': 4.0, 'max': 4.0}
    >>> percentiles([])
    {}
    """
    ordered = sorted(values)
    if not ordered:
        return {}
    return {name: ordered[_rank(fraction, len(ordered))] for name, fraction in FRACTIONS.items()}


def _rank(fraction: float, count: int) -> int:
    return max(0, -int(-fraction * count // 1) - 1)
