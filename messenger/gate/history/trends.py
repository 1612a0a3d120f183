"""Trends: the courses of benchmarks, at one pace, with their levels and how far they have crept."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import msgspec

from ..comparison import tolerance
from ..measurement import Measurement
from .change_points import find_change_points
from .course import Course, Row, fingerprint_of, is_same
from .trend import Point, Shift, Trend

_SPREADS_SHOWN = 2


class Anchor(msgspec.Struct, frozen=True):
    """The baselines of one environment at a release, by name; `label` is how people call the release."""

    label: str
    rows: dict[str, Measurement]


def trends_of(courses: Iterable[Course], anchors: Mapping[str, Anchor]) -> tuple[Trend, ...]:
    """Judge every course; *anchors* are by the fingerprint of the environment.  Most changed first."""
    trends = [_trend(course, anchors.get(fingerprint_of(course.environment))) for course in courses]
    return tuple(sorted(trends, key=most_changed_first))


def most_changed_first(trend: Trend) -> tuple[bool, float, str]:
    """Order trends for reading: who creeps, then by the larger of newest step and way from the anchor."""
    changes = [change for change in (trend.step_percent, trend.anchor_percent) if change is not None]
    return (
        not trend.creeps,
        -max(map(_size, changes), default=-1.0),
        trend.name,
    )


def _size(change_percent: float) -> float:
    """Return the size of a change, twice as slow being as large as twice as fast."""
    return abs(
        math.log(max(1 + change_percent / 100, 1e-9))
    )  # -100 % is what less than a millionth rounds to


def _trend(course: Course, anchor: Anchor | None) -> Trend:
    paces = [row.measurement.reference_ns for row in course.rows if row.measurement.reference_ns]
    pace = paces[-1] if paces else None
    trend = Trend(
        name=course.name,
        environment=course.environment,
        points=tuple(_point(row, pace) for row in course.rows),
        formerly=course.formerly,
        tolerance_percent=round(tolerance(_newest_known(course)) * 100, 2),
    )
    shifts, last_level = _shifts(trend, course)
    return _anchored(msgspec.structs.replace(trend, shifts=shifts), course, anchor, pace, last_level)


def _point(row: Row, pace: float | None) -> Point:
    measurement = row.measurement
    value, normalised = _milliseconds(measurement, pace)
    margin = None if measurement.spread is None else _SPREADS_SHOWN * measurement.spread
    return Point(
        date=row.date,
        commit=row.commit,
        q25_ms=value,
        low_ms=None if margin is None else _rounded(value * max(1 - margin, 0)),
        high_ms=None if margin is None else _rounded(value * (1 + margin)),
        reason=measurement.reason,
        normalised=normalised,
    )


def _newest_known(course: Course) -> Measurement:
    """Return the newest measurement whose spread is known: a report of one process knows none."""
    known = [row.measurement for row in course.rows if row.measurement.spread is not None]
    return known[-1] if known else course.rows[-1].measurement


def _shifts(trend: Trend, course: Course) -> tuple[tuple[Shift, ...], float]:
    """Find the change points among the points at one pace; return the last level, too."""
    places = trend.comparable
    values = [trend.points[place].q25_ms for place in places]
    spreads = [course.rows[place].measurement.spread for place in places]
    known = [spread for spread in spreads if spread is not None]
    changes = find_change_points(values, statistics.median(known) if known else None)
    levels = _levels(values, changes)
    steps = zip(changes, levels, levels[1:], strict=False)
    return tuple(Shift(places[at], _percent(after / before)) for at, before, after in steps), levels[-1]


def _anchored(
    trend: Trend, course: Course, anchor: Anchor | None, pace: float | None, last_level: float
) -> Trend:
    """Say how far *trend* lies from *anchor*, or from its first point where that does not know it."""
    place = trend.comparable[0]
    first, newest = trend.points[place], trend.points[-1]
    found = anchor and _row_at(anchor, course)
    if anchor and found:
        label, (value, normalised) = anchor.label, _milliseconds(found, pace)
        same = (number for number, row in enumerate(course.rows) if is_same(row.measurement, found))
        # A release that is not in this line of history, such as a maintenance branch, is none of the points.
        place = max(same, default=place)
    elif len(trend.points) > 1:
        label = first.commit[:12] if first.commit else first.date[:10]
        value, normalised = first.q25_ms, first.normalised
    else:
        return trend
    if normalised != first.normalised:
        return msgspec.structs.replace(trend, anchor=label)  # two paces: no number is better than that one
    creep = last_level / value
    steps = math.prod(_large_step(trend, shift) for shift in trend.shifts if shift.at > place)
    return msgspec.structs.replace(
        trend,
        anchor=label,
        anchor_percent=_percent(newest.q25_ms / value) if newest.normalised == normalised else None,
        creep_percent=_percent(creep),
        drift_percent=_percent(creep / steps),
    )


def _row_at(anchor: Anchor, course: Course) -> Measurement | None:
    names = (course.name, *reversed(course.formerly))
    return next((anchor.rows[name] for name in names if name in anchor.rows), None)


def _large_step(trend: Trend, shift: Shift) -> float:
    """Return the ratio by which one step made *shift*, 1 where it was within tolerance.

    Creep makes shifts, too: of levels, over several steps. A step is no larger than both.
    """
    level = 1 + shift.change_percent / 100
    before = trend.comparable[trend.comparable.index(shift.at) - 1]
    step = trend.points[shift.at].q25_ms / trend.points[before].q25_ms
    size = min(level, step) if level > 1 else max(level, step)
    # The mirror image: 25 % slower and back is 20 % faster.
    allowed = math.log1p((trend.tolerance_percent or 0.0) / 100)
    return size if abs(math.log(size)) > allowed and (size > 1) == (level > 1) else 1.0


def _levels(values: Sequence[float], changes: Sequence[int]) -> list[float]:
    """Return the median of every segment."""
    bounds = [0, *changes, len(values)]
    return [statistics.median(values[a:b]) for a, b in pairwise(bounds)]


def _milliseconds(measurement: Measurement, pace: float | None) -> tuple[float, bool]:
    if pace and measurement.reference_ns:
        return _rounded(measurement.q25_ns / measurement.reference_ns * pace / 1e6), True
    return _rounded(measurement.q25_ns / 1e6), False


def _percent(ratio: float) -> float:
    return _rounded((ratio - 1) * 100)


def _rounded(value: float) -> float:
    """Keep six significant digits: more would be noise."""
    return float(f"{value:.6g}")
