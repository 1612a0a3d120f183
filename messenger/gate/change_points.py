"""Change points: where the level of a series of durations becomes another, and not only its noise."""

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise

ALARM_PROBABILITY = 0.01
_NOISE_LEAST = 0.01  # what people compare by eye; rounding and a machine's mood are of this size
_NOISE_UNKNOWN = 0.0625  # a quarter of what `tolerance` grants a row of unknown spread
_ENOUGH_DIFFERENCES = 8
_CAUTION = 8  # an estimate from few differences is often too small by half
_SIGMA_PER_MAD = 1.4826  # of a normal distribution


def find_change_points(values: Sequence[float], noise: float | None = None) -> tuple[int, ...]:
    """Find the indices, from 0, at which another level of *values* begins; empty while there is one level.

    values: positive durations in order; only their ratios matter. noise: the relative standard deviation of
    one value, where it is known; what the series itself shows can only make it larger.

    The segmentation is the optimal one of a Gaussian whose mean changes, on logarithms, at a penalty of
    `2 log(n / ALARM_PROBABILITY)` variances a change: the `2 log n` of Schwarz's criterion (Yao 1988,
    "Estimating the number of change-points via Schwarz' criterion"), and what the union bound over the
    n - 1 places and the tail `exp(-x / 2)` of the gain ask for, so that fewer than one series in a hundred
    shows a change that is none. Measured on 20 000 series of normal noise of each length from 2 to 20, and
    2000 of 50 and 100 points: at most 0.2 % of the series show one where the noise was known, and 1.3 %
    where it was not. A last value alone is a level of its own when it lies far outside the noise: 4.6
    deviations after one value, 3.9 after ten.
    """
    if len(values) < 2:
        return ()
    logarithms = [math.log(value) for value in values]
    sigma = noise_of(logarithms, noise)
    return segment(logarithms, 2 * math.log(len(values) / ALARM_PROBABILITY) * sigma * sigma)


def noise_of(logarithms: Sequence[float], known: float | None) -> float:
    """Estimate the standard deviation of *logarithms* around their levels.

    Steps are outliers among the differences of neighbours, and slow creep is their median, so the median
    absolute deviation of the differences knows neither. A few differences say too little to be asked.
    """
    differences = [after - before for before, after in pairwise(logarithms)]
    if len(differences) < _ENOUGH_DIFFERENCES:
        return max(_NOISE_LEAST, _NOISE_UNKNOWN if known is None else known)
    middle = statistics.median(differences)
    deviation = statistics.median(abs(difference - middle) for difference in differences)
    shown = _SIGMA_PER_MAD * deviation / math.sqrt(2)  # a difference has the variance of both its values
    if known is None:
        shown *= 1 + _CAUTION / len(differences)
    return max(_NOISE_LEAST, known or 0.0, shown)


def segment(values: Sequence[float], penalty: float) -> tuple[int, ...]:
    """Split *values* where the squared deviations from the means, plus *penalty* a split, are least.

    Exact, in quadratic time: 1000 values take 80 ms. Source: Jackson et al. 2005, "An algorithm for
    optimal partitioning of data on an interval". The pruning of PELT saves nothing while nothing changes,
    which is the ordinary case here.
    """
    centre = statistics.median(values)  # keeps the sums small, and so their differences exact
    total = [0.0]
    for value in values:
        total.append(total[-1] + value - centre)
    # The squares add up to the same whatever the splits are, so what is left of the cost of a segment is
    # -(sum)² / length. cost[end] is that of the best segmentation of values[:end].
    cost, start_of_last = [-penalty], [0]
    for end in range(1, len(values) + 1):
        upto = total[end]
        costs = [
            before - (upto - below) ** 2 / (end - start)
            for start, (before, below) in enumerate(zip(cost, total, strict=False))
        ]
        best = min(costs)
        start_of_last.append(costs.index(best))
        cost.append(best + penalty)
    splits = []
    end = start_of_last[-1]
    while end:
        splits.append(end)
        end = start_of_last[end]
    return tuple(reversed(splits))
