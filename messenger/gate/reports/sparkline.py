"""Sparkline: a series of durations in one line of blocks."""

import math
from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], least_range: float) -> str:
    """Draw *values*, the least of them lowest; equal ratios are equal heights.

    The height of all blocks is the ratio of the extremes, or `1 + least_range` where that is more, so that
    noise stays low.

    >>> sparkline([100, 101, 100, 150, 200], least_range=0.1)
    '▁▁▁▅█'
    """
    if not values:
        return ""
    least = min(values)
    height = max(math.log(max(values) / least), math.log1p(least_range))
    top = len(_BLOCKS) - 1
    return "".join(_BLOCKS[round(math.log(value / least) / height * top)] for value in values)
