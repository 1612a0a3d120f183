"""Judge: log-ratios of pairs become what is said of a benchmark."""

import math
import statistics
from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from .trimmed import trim

ALPHA = 0.05
_SCREEN_ALPHA = 0.10
_NOISY = 0.05
MIN_EFFECT = 0.035


class Finding(StrEnum):
    """What the pairs say of one benchmark."""

    REGRESSED = "regressed"
    IMPROVED = "improved"
    NOT_CONFIRMED = "not confirmed"
    NOISY = "too noisy to tell"
    STABLE = "stable"


class Ratios(msgspec.Struct, frozen=True):
    """The log(head/base) of one benchmark in each pair of the screening, and of the confirmation if any.

    `min_effect` is the least change worth a verdict, as a fraction.
    """

    screen: tuple[float, ...]
    confirm: tuple[float, ...] = ()
    min_effect: float = MIN_EFFECT


class Judged(msgspec.Struct, frozen=True):
    """A finding, the change as a fraction, and its 95 % interval."""

    finding: Finding
    change: float
    interval: tuple[float, float]


def suspects(measured: Mapping[str, Ratios]) -> tuple[str, ...]:
    """Name what the screening found slower or faster: worth ten fresh pairs, and no more than that yet.

    Suspect: p <= .10 against two sevenths of the least effect (1 % of 3.5 %), and a median of six sevenths
    (3 %).
    """
    return tuple(name for name, ratios in measured.items() if _direction(ratios))


def judge(measured: Mapping[str, Ratios]) -> dict[str, Judged]:
    """Judge every benchmark.

    A suspect is confirmed by its fresh pairs alone: p against four sevenths of the least effect (2 % of
    3.5 %) passes Holm over the suspects of its direction at .05, and the median reaches the least effect.
    """
    directions = {name: _direction(ratios) for name, ratios in measured.items()}
    retried = {name: ratios for name, ratios in measured.items() if ratios.confirm}
    confirmed = {
        name
        for sign in (1, -1)
        for name in _confirmed({name: retried[name] for name in retried if directions[name] == sign}, sign)
    }
    return {name: _judged(ratios, directions[name], name in confirmed) for name, ratios in measured.items()}


def _direction(ratios: Ratios) -> int:
    """Return 1 for a suspected slowdown, -1 for a speed-up, 0 for neither."""
    for sign in (1, -1):
        values = [sign * value for value in ratios.screen]
        clear = trim(values).exceeds(_share(ratios, 2)) <= _SCREEN_ALPHA
        if clear and statistics.median(values) >= _share(ratios, 6):
            return sign
    return 0


def _confirmed(suspected: Mapping[str, Ratios], sign: int) -> list[str]:
    """Holm's step-down procedure: the smallest p against alpha/m, the next against alpha/(m-1), ..."""
    values = {name: [sign * value for value in ratios.confirm] for name, ratios in suspected.items()}
    p_values = {name: trim(values[name]).exceeds(_share(ratios, 4)) for name, ratios in suspected.items()}
    found = []
    for rank, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        if p_values[name] > ALPHA / (len(p_values) - rank):
            break
        if statistics.median(values[name]) >= _share(suspected[name], 7):
            found.append(name)
    return found


def _judged(ratios: Ratios, direction: int, confirmed: bool) -> Judged:
    values: Sequence[float] = ratios.confirm or ratios.screen
    low, high = (math.expm1(bound) for bound in trim(values).interval())
    if confirmed:
        finding = Finding.REGRESSED if direction > 0 else Finding.IMPROVED
    elif high - low > 2 * _NOISY:
        finding = Finding.NOISY
    else:
        finding = Finding.NOT_CONFIRMED if direction else Finding.STABLE
    return Judged(finding, math.expm1(trim(values).mean), (low, high))


def _share(ratios: Ratios, sevenths: int) -> float:
    return math.log1p(ratios.min_effect * sevenths / 7)
