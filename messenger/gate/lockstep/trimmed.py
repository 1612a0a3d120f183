"""The trimmed mean of paired differences, and how sure one can be of it.

Source: K. K. Yuen, "The two-sample trimmed t for unequal population variances", Biometrika 61 (1974);
one-sample form as in R. R. Wilcox, "Introduction to Robust Estimation and Hypothesis Testing", 4.3.
"""

import math
from collections.abc import Sequence

import msgspec

from .student import quantile, survival

_TRIM = 0.2


class Trimmed(msgspec.Struct, frozen=True):
    """A 20 % trimmed mean, its standard error and degrees of freedom."""

    mean: float
    error: float
    degrees: int

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return the two-sided confidence interval of the mean."""
        reach = quantile((1 + confidence) / 2, self.degrees) * self.error
        return self.mean - reach, self.mean + reach

    def exceeds(self, least: float) -> float:
        """Return the one-sided p-value against a mean of at most *least*."""
        if self.error == 0.0:
            return 0.0 if self.mean > least else 1.0
        return survival((self.mean - least) / self.error, self.degrees)


def trim(values: Sequence[float]) -> Trimmed:
    """Trim a fifth of *values* (3 at least) at either end; what is cut counts as the last that is kept."""
    ordered = sorted(values)
    cut = int(_TRIM * len(ordered))
    kept = ordered[cut : len(ordered) - cut]
    winsorized = [kept[0]] * cut + kept + [kept[-1]] * cut
    middle = math.fsum(winsorized) / len(winsorized)
    variance = math.fsum((value - middle) ** 2 for value in winsorized) / (len(winsorized) - 1)
    return Trimmed(
        mean=math.fsum(kept) / len(kept),
        error=math.sqrt(variance) / ((1 - 2 * _TRIM) * math.sqrt(len(ordered))),
        degrees=len(kept) - 1,
    )
