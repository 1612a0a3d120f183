"""History: trends as lines of text, those of this environment first."""

from collections.abc import Sequence

from ..history import creeps
from ..trend import Point, Trend
from .units import percent, plural
from .words import plain, shorten, time_cell

_BLOCKS = "▁▂▃▄▅▆▇█"
_WIDEST = 40  # values of a sparkline; older ones are left out


def render_history(trends: Sequence[Trend], here: str, warnings: Sequence[str] = ()) -> str:
    """Write *trends*, by environment, that called *here* first; most changed first in each.

    Numbers of two environments are not comparable, and stand in two lists.
    """
    environments = sorted({trend.environment for trend in trends}, key=lambda slug: (slug != here, slug))
    lines: list[str] = []
    for environment in environments:
        mine = [trend for trend in trends if trend.environment == environment]
        lines += _environment(environment, mine, environment == here)
    if len(environments) > 1:
        lines += [f"{plural(len(environments), 'environment')}: compare numbers within one only.", ""]
    creeping = [trend for trend in trends if creeps(trend)]
    lines += [f"Note: {warning}." for warning in warnings]
    lines += [
        f"Slow creep: {plain(trend.name)} is {percent(trend.creep_percent)} since {trend.anchor}, by steps "
        "none of which was a regression."
        for trend in creeping
    ]
    shifts = plural(sum(len(trend.shifts) for trend in trends), "change point")
    lines.append(f"{plural(len(trends), 'benchmark')}, {shifts}, {len(creeping)} creeping.")
    return "\n".join(lines) + "\n"


def sparkline(values: Sequence[float]) -> str:
    """Draw *values* as blocks of eight heights, the least lowest.

    >>> sparkline([1, 2, 3, 8])
    '▁▂▃█'
    """
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    return "".join(_BLOCKS[min(int((value - low) / span * 8), 7)] for value in values)


def _environment(slug: str, trends: Sequence[Trend], here: bool) -> list[str]:
    prefix, names = shorten(trend.name for trend in trends)
    lines = [f"{slug}{' (this machine)' if here else ''}"]
    if prefix:
        lines.append(f"names below {plain(prefix)}")
    for trend in sorted(trends, key=_most_changed):
        lines += ["", plain(names[trend.name]), *(f"  {line}" for line in _story(trend))]
    return [*lines, ""]


def _story(trend: Trend) -> list[str]:
    points = trend.points[-_WIDEST:]
    last = trend.points[-1]
    lines = [f"{sparkline([point.q25_ms for point in points])} {time_cell(last.q25_ms)}"]
    told = []
    if len(trend.points) > 1:
        step = (last.q25_ms / trend.points[-2].q25_ms - 1) * 100
        told.append(f"{percent(step)} since the value before")
    if trend.creep_percent is not None:
        told.append(f"{percent(trend.creep_percent)} since {trend.anchor}")
    lines += [", ".join(told)] if told else []
    lines.append(f"{plural(len(trend.points), 'value')}, the last {_where(last)}")
    lines += [f"{percent(shift.change_percent)} {_where(trend.points[shift.at])}" for shift in trend.shifts]
    lines += [f"accepted {point.date[:10]}: {plain(point.reason)}" for point in points if point.reason]
    return lines


def _where(point: Point) -> str:
    commit = f"at {point.commit}" if point.commit else "not committed"
    return f"{plain(commit)} of {plain(point.date[:10])}"


def _most_changed(trend: Trend) -> tuple[float, str]:
    largest = max((abs(shift.change_percent) for shift in trend.shifts), default=0.0)
    return -max(largest, abs(trend.creep_percent or 0.0)), trend.name
