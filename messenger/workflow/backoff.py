"""Backoff: how long to wait before the next attempt.

Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog (2015): full and equal jitter.
"""

from math import inf, ldexp
from random import Random
from typing import Literal

Jitter = Literal["none", "full", "equal"]


def delay_seconds(
    attempt: int, *, base_seconds: float, cap_seconds: float, jitter: Jitter, chance: Random
) -> float:
    """Return how long to wait before *attempt*, of which the first waits for nothing.

    Before attempt n the longest delay is min(cap, base * 2 ** (n - 2)). Without jitter it is that; with
    full jitter anything from 0 to it; with equal jitter anything from half of it.

    >>> options = {"base_seconds": 1.0, "cap_seconds": 5.0, "jitter": "none", "chance": Random()}
    >>> [delay_seconds(attempt, **options) for attempt in range(1, 6)]
    [0.0, 1.0, 2.0, 4.0, 5.0]
    """
    if attempt < 1:
        raise ValueError(f"attempt is {attempt}, and the first attempt is 1")
    if attempt == 1:
        return 0.0
    longest = min(cap_seconds, _doubled(base_seconds, attempt - 2))
    match jitter:
        case "none":
            return longest
        case "full":
            return longest * chance.random()
        case "equal":
            return longest / 2 + longest / 2 * chance.random()


def reconnect_seconds(failures: int, chance: Random) -> float:
    """Return how long to wait for a database that has failed us so often in a row, at most 2 s."""
    return delay_seconds(failures + 1, base_seconds=0.05, cap_seconds=2.0, jitter="equal", chance=chance)


def _doubled(seconds: float, times: int) -> float:
    try:
        return ldexp(seconds, times)
    except OverflowError:
        return inf
