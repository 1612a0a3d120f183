"""Student's t distribution, as far as a gate needs it, without 165 MB of scipy.

Source: the continued fraction of the incomplete beta function, DLMF 8.17.22, evaluated by Lentz's method.
"""

import math

_TINY = 1e-300
_ENOUGH = 1e-15


def survival(t: float, degrees: float) -> float:
    """Return the probability that a t-distributed value of so many *degrees* of freedom exceeds *t*.

    >>> round(survival(2.015, 5), 4)
    0.05
    """
    if math.isinf(t):
        return 0.0 if t > 0 else 1.0
    tail = 0.5 * _beta(degrees / 2, 0.5, degrees / (degrees + t * t))
    return tail if t >= 0 else 1.0 - tail


def quantile(probability: float, degrees: float) -> float:
    """Return the value that is not exceeded with *probability*, which lies strictly between 0 and 1.

    >>> round(quantile(0.975, 5), 4)
    2.5706
    """
    if probability < 0.5:
        return -quantile(1.0 - probability, degrees)
    low, high = 0.0, 1.0
    while survival(high, degrees) > 1.0 - probability:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if survival(middle, degrees) > 1.0 - probability else (low, middle)
    return (low + high) / 2


def _beta(a: float, b: float, x: float) -> float:
    """Evaluate the regularised incomplete beta function, 0 <= x <= 1."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    if x > (a + 1) / (a + b + 2):  # where the fraction converges slowly, its mirror image is quick
        return 1.0 - _beta(b, a, 1.0 - x)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(front) / a / _fraction(a, b, x)


def _fraction(a: float, b: float, x: float) -> float:
    value, c, d = 1.0, 1.0, 0.0
    for step in range(1, 500):
        d = 1.0 + _coefficient(step, a, b, x) * d
        c = 1.0 + _coefficient(step, a, b, x) / c
        d = 1.0 / (d or _TINY)
        c = c or _TINY
        value *= c * d
        if abs(c * d - 1.0) < _ENOUGH:
            break
    return value


def _coefficient(step: int, a: float, b: float, x: float) -> float:
    m, odd = divmod(step, 2)
    if odd:
        return -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
    return m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
