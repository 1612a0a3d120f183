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
_WAVERING = 0.04  # the width of a 95 % interval
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


class Reasons(msgspec.Struct, frozen=True, kw_only=True):
    """What a judgement rests on; medians are changes as fractions, and thresholds what they had to exceed.

    direction: 1 where the screening suspected a slowdown, -1 a speed-up, 0 neither. p is one-sided, of the
    trimmed mean against `screen_least` and `confirm_least`; alpha is what Holm left for it.
    """

    direction: int
    min_effect: float
    screen_median: float
    screen_p: float
    screen_least: float
    screen_alpha: float = _SCREEN_ALPHA
    confirm_median: float | None = None
    confirm_p: float | None = None
    confirm_least: float | None = None
    confirm_alpha: float | None = None


class Judged(msgspec.Struct, frozen=True):
    """A finding, the change as a fraction, and its 95 % interval."""

    finding: Finding
    change: float
    interval: tuple[float, float]


def wavering(measured: Mapping[str, Ratios]) -> tuple[str, ...]:
    """Name what varies so much between pairs that the usual number would not see the least effect.

    Such are calls of a microsecond that visit many small objects: the heap of every pair lies otherwise. How
    many pairs a benchmark gets must not depend on which way they point, so only their interval is looked at.
    """
    return tuple(name for name, ratios in measured.items() if _width(ratios.screen) > _WAVERING)


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


def reasons(measured: Mapping[str, Ratios]) -> dict[str, Reasons]:
    """Say what `judge` has looked at, benchmark by benchmark."""
    directions = {name: _direction(ratios) for name, ratios in measured.items()}
    alphas: dict[str, tuple[float, float]] = {}
    for sign in (1, -1):
        retried = {name: one for name, one in measured.items() if one.confirm and directions[name] == sign}
        alphas |= {name: (p, alpha) for name, p, alpha in _holm(retried, sign)}
    return {name: _reasons(one, directions[name], alphas.get(name)) for name, one in measured.items()}


def _reasons(ratios: Ratios, direction: int, holm: tuple[float, float] | None) -> Reasons:
    # What was not suspected is told about in the direction it leans to.
    sign = direction or (1 if statistics.median(ratios.screen) >= 0 else -1)
    found = Reasons(
        direction=direction,
        min_effect=ratios.min_effect,
        screen_median=math.expm1(statistics.median(ratios.screen)),
        screen_p=trim([sign * value for value in ratios.screen]).exceeds(_share(ratios, 2)),
        screen_least=math.expm1(_share(ratios, 2)),
    )
    if holm is None:
        return found
    return msgspec.structs.replace(
        found,
        confirm_median=math.expm1(statistics.median(ratios.confirm)),
        confirm_p=holm[0],
        confirm_alpha=holm[1],
        confirm_least=math.expm1(_share(ratios, 4)),
    )


def _direction(ratios: Ratios) -> int:
    """Return 1 for a suspected slowdown, -1 for a speed-up, 0 for neither."""
    for sign in (1, -1):
        values = [sign * value for value in ratios.screen]
        clear = trim(values).exceeds(_share(ratios, 2)) <= _SCREEN_ALPHA
        if clear and statistics.median(values) >= _share(ratios, 6):
            return sign
    return 0


def _confirmed(suspected: Mapping[str, Ratios], sign: int) -> list[str]:
    found = []
    for name, p, alpha in _holm(suspected, sign):
        if p > alpha:
            break
        if sign * statistics.median(suspected[name].confirm) >= _share(suspected[name], 7):
            found.append(name)
    return found


def _holm(suspected: Mapping[str, Ratios], sign: int) -> list[tuple[str, float, float]]:
    """Holm's step-down procedure: the smallest p against alpha/m, the next against alpha/(m-1), ..."""
    p_values = {
        name: trim([sign * value for value in ratios.confirm]).exceeds(_share(ratios, 4))
        for name, ratios in suspected.items()
    }
    ranked = sorted(p_values, key=p_values.__getitem__)
    return [(name, p_values[name], ALPHA / (len(ranked) - rank)) for rank, name in enumerate(ranked)]


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


def _width(values: Sequence[float]) -> float:
    low, high = trim(values).interval()
    return high - low


def _share(ratios: Ratios, sevenths: int) -> float:
    return math.log1p(ratios.min_effect * sevenths / 7)
