"""SVG: small pictures that need no JavaScript; coordinates are pixels of the picture."""

from collections.abc import Callable, Sequence
from html import escape

from ..history.trend import Trend
from ..report import Result
from .words import change_cell, time_cell

_BAR = (160, 18)
_PICTURE = (640, 120)
_EDGE = 8


def axis_of(rows: Sequence[Result]) -> float:
    """Choose the change, in percent, that a bar ends at on either side: what holds most of them, 5 to 50."""
    reaches = sorted(_reach(row) for row in rows if row.change_percent is not None)
    return min(max(5.0, reaches[int(0.9 * (len(reaches) - 1))] * 1.1), 50.0) if reaches else 5.0


def interval_bar(row: Result, axis_percent: float) -> str:
    """Draw the change with its interval, or with the tolerance around zero where there is none."""
    if row.change_percent is None:
        return ""
    width, height = _BAR
    middle = height / 2

    def x(percent: float) -> float:
        inside = max(-axis_percent, min(axis_percent, percent))
        return width / 2 + inside / axis_percent * (width / 2 - _EDGE)

    parts = [f'<line class="zero" x1="{width / 2:.1f}" y1="1" x2="{width / 2:.1f}" y2="{height - 1}"/>']
    if row.interval_percent is not None:
        low, high = (x(bound) for bound in row.interval_percent)
        parts.append(_line("interval", low, middle, high, middle))
    elif row.tolerance_percent is not None:
        low, high = x(-row.tolerance_percent), x(row.tolerance_percent)
        parts.insert(0, _box("tolerance", low, 3, high - low, height - 6))
    place = x(row.change_percent)
    if abs(row.change_percent) > axis_percent:
        tip = 5 if row.change_percent > 0 else -5
        corners = ((place, middle - 5), (place + tip, middle), (place, middle + 5))
        parts.append(f'<polygon class="dot" points="{_pairs(corners)}"/>')
    else:
        parts.append(f'<circle class="dot" cx="{place:.1f}" cy="{middle}" r="3.5"/>')
    return _svg(_BAR, f"change {change_cell(row)}", parts)


def strips(row: Result) -> str:
    """Draw the samples of both sides on one axis, baseline above, a mark a process or pair."""
    sides = [("baseline", row.baseline_samples_ms), ("current", row.samples_ms)]
    values = [value for _, samples in sides for value in samples]
    if not values:
        return ""
    width, height = _PICTURE[0], 72
    x = _scale(min(values), max(values), 70, width - _EDGE)
    parts = []
    for number, (side, samples) in enumerate(sides):
        y = 18 + 26 * number
        parts.append(f'<text x="0" y="{y + 4}">{side}</text>')
        parts += [_line(side, x(value), y - 8, x(value), y + 8) for value in samples]
    parts.append(f'<text x="70" y="{height - 2}">{time_cell(min(values))}</text>')
    parts.append(f'<text class="end" x="{width - _EDGE}" y="{height - 2}">{time_cell(max(values))}</text>')
    return _svg((width, height), "samples of both sides", parts)


def trend_line(trend: Trend) -> str:
    """Draw the values of *trend* from left to right, their noise behind them, change points as lines."""
    points = trend.points
    if len(points) < 2:
        return ""
    width, height = _PICTURE
    values = [value for point in points for value in (point.q25_ms, point.low_ms, point.high_ms) if value]
    x = _scale(0, len(points) - 1, _EDGE, width - _EDGE)
    y = _scale(min(values), max(values), height - 24, _EDGE)
    lows = [(x(number), y(point.low_ms or point.q25_ms)) for number, point in enumerate(points)]
    highs = [(x(number), y(point.high_ms or point.q25_ms)) for number, point in enumerate(points)]
    line = [(x(number), y(point.q25_ms)) for number, point in enumerate(points)]
    parts = [f'<polygon class="band" points="{_pairs([*highs, *reversed(lows)])}"/>']
    parts += [_line("shift", x(shift.at), _EDGE, x(shift.at), height - 24) for shift in trend.shifts]
    parts.append(f'<polyline class="current" points="{_pairs(line)}"/>')
    parts += [f'<circle class="dot" cx="{px:.1f}" cy="{py:.1f}" r="2.5"/>' for px, py in line]
    first, last = (escape(f"{end.date[:10]}, {time_cell(end.q25_ms)}") for end in (points[0], points[-1]))
    parts.append(f'<text x="{_EDGE}" y="{height - 4}">{first}</text>')
    parts.append(f'<text class="end" x="{width - _EDGE}" y="{height - 4}">{last}</text>')
    return _svg(_PICTURE, f"{len(points)} values over time", parts)


def _reach(row: Result) -> float:
    bounds = row.interval_percent or (row.change_percent or 0.0,)
    return max(map(abs, bounds))


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    span = (high - low) or 1.0

    def place(value: float) -> float:
        return start + (value - low) / span * (end - start)

    return place


def _svg(size: tuple[int, int], label: str, parts: Sequence[str]) -> str:
    width, height = size
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _box(kind: str, x: float, y: float, width: float, height: float) -> str:
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'


def _pairs(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
