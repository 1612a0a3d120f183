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

    Exact. Source: Maidstone et al. 2017, "On optimal multiple changepoint algorithms for large data", FPOP:
    for every mean that the last segment could have, remember only where that segment would best have begun.
    1000 values without a change take 7 ms, where trying every start (optimal partitioning) takes 80,
    and the pruning of PELT saves nothing before something has changed.
    """
    centre = statistics.median(values)  # keeps the sums small, and so their differences exact
    sums, squares = [0.0], [0.0]
    for value in values:
        sums.append(sums[-1] + value - centre)
        squares.append(squares[-1] + (value - centre) ** 2)
    cost, start_of_last = [0.0], [0]  # of values[:end]; a segment pays for the split before it
    pieces = [(min(values) - centre - 1.0, max(values) - centre + 1.0, 0)]  # ranges of means, and their start
    for end in range(1, len(values) + 1):
        fits = []
        for low, high, start in pieces:
            length, total = end - start, sums[end] - sums[start]
            mean = total / length
            least = cost[start] + squares[end] - squares[start] - total * mean
            nearest = min(max(mean, low), high)
            fits.append((least + length * (nearest - mean) ** 2, start, mean, least, length))
        best = min(fits)
        cost.append(best[0] + penalty)
        start_of_last.append(best[1])
        pieces = _pruned(pieces, fits, cost[end], end)
    return _splits(start_of_last)


def _pruned(
    pieces: Sequence[tuple[float, float, int]],
    fits: Sequence[tuple[float, int, float, float, int]],
    limit: float,
    end: int,
) -> list[tuple[float, float, int]]:
    """Give a segment that begins at *end* those means for which all other starts cost more than *limit*."""
    kept: list[tuple[float, float, int]] = []

    def keep(low: float, high: float, start: int) -> None:
        if low >= high:
            return
        if kept and kept[-1][2] == start:
            low = kept.pop()[0]
        kept.append((low, high, start))

    for (low, high, start), (_, _, mean, least, length) in zip(pieces, fits, strict=True):
        reach = math.sqrt(max(limit - least, 0.0) / length)
        left, right = min(max(mean - reach, low), high), max(min(mean + reach, high), low)
        keep(low, left, end)
        keep(left, right, start)
        keep(right, high, end)
    return kept


def _splits(start_of_last: Sequence[int]) -> tuple[int, ...]:
    """Follow the starts of last segments back from the end."""
    found = []
    end = start_of_last[-1]
    while end:
        found.append(end)
        end = start_of_last[end]
    return tuple(reversed(found))
