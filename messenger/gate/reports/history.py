"""History: trends as lines of a terminal or a log."""

import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..history.trend import Point, Trend
from .sparkline import sparkline
from .units import percent, plural
from .words import plain, shorten, time_cell

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH_LEAST, _WIDTH_MOST = 60, 100
_POINTS_SHOWN = 20
_DIGITS_OF_COMMIT = 12


def render_history(
    trends: Sequence[Trend],
    *,
    current: str,
    warnings: Iterable[str] = (),
    width: int | None = None,
    colour: bool = False,
) -> str:
    """Draw *trends* by environment, the *current* one first, each in the order given.

    No wider than *width*, and 100 columns; where that is None every benchmark is one line with its full name.
    """
    from rich.console import Console
    from rich.text import Text

    out = io.StringIO()
    columns = 100_000 if width is None else min(max(width, _WIDTH_LEAST), _WIDTH_MOST)
    console = Console(
        file=out, width=columns, force_terminal=colour, no_color=not colour, legacy_windows=False
    )
    for environment, of_environment in _by_environment(trends, current):
        _draw(console, of_environment, environment, current, whole_names=width is None)
        console.print()
    if trends and current not in {trend.environment for trend in trends}:
        console.print(Text(f"Note: this environment, {plain(current)}, has no history yet."))
    for warning in warnings:
        console.print(Text(f"Note: {plain(warning)}."))
    console.print(Text(_summary(trends)))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _by_environment(trends: Sequence[Trend], current: str) -> list[tuple[str, list[Trend]]]:
    """Group *trends*; the current environment comes first, then those that were measured last."""

    def newest(environment: str) -> str:
        return max(trend.points[-1].date for trend in trends if trend.environment == environment)

    environments = sorted({trend.environment for trend in trends}, key=newest, reverse=True)
    environments.sort(key=lambda environment: environment != current)
    return [(one, [trend for trend in trends if trend.environment == one]) for one in environments]


def _draw(
    console: "Console", trends: Sequence[Trend], environment: str, current: str, *, whole_names: bool
) -> None:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    here = environment == current
    console.print(Text(f"{plain(environment)}: {'this' if here else 'another'} environment", style="bold"))
    labels = {_anchor(trend) for trend in trends if trend.anchor}
    anchor = plain(min(labels)) if len(labels) == 1 else None
    raw = all(not point.normalised for trend in trends for point in trend.points)
    names = {trend.name: trend.name for trend in trends}
    prefix = ""
    if not whole_names:
        prefix, names = shorten(trend.name for trend in trends)
    told = [] if here else ["compared with itself only"]
    told += [f"names below {plain(prefix)}"] if prefix else []
    told += [f"the anchor is {anchor}"] if anchor else []
    told += ["times as measured, for the reference loop is not known"] if raw else []
    if told:
        console.print(Text("; ".join(told)))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("Trend", no_wrap=True)
    for heading in ("Latest", "Step", "Anchor"):
        table.add_column(heading, justify="right", no_wrap=True)
    # A name may go on in the next line, and is never cut.
    table.add_column("Benchmark", overflow="fold")
    for trend in trends:
        cells = _cells(trend, names[trend.name])
        table.add_row(*map(Text, cells), style=_style(trend))
        for line in _details(trend, anchor, raw):
            table.add_row("", "", "", "", Padding(Text(plain(line)), (0, 0, 0, 2)), style=_style(trend))
    console.print(table)


def _cells(trend: Trend, name: str) -> tuple[str, ...]:
    comparable = [trend.points[number].q25_ms for number in trend.comparable]
    shown = comparable[-_POINTS_SHOWN:]
    drawn = sparkline(shown, (trend.tolerance_percent or 10.0) / 100)
    return (
        ("…" if len(shown) < len(comparable) else "") + drawn,
        time_cell(trend.points[-1].q25_ms),
        percent(trend.step_percent),
        percent(trend.anchor_percent),
        plain(name),
    )


def _details(trend: Trend, common_anchor: str | None, all_raw: bool) -> list[str]:
    """Say what happened to a benchmark: shifts with their reasons, other reasons, moves and creep."""
    lines = [f"formerly {name}" for name in trend.formerly]
    shifts = {shift.at: shift for shift in trend.shifts}
    for number, point in enumerate(trend.points):
        if number in shifts:
            change = shifts[number].change_percent
            reason = f": {point.reason}" if point.reason else ""
            lines.append(f"{'▲' if change > 0 else '▼'} {percent(change)} {_when(point)}{reason}")
        elif point.reason:
            lines.append(f"accepted {_when(point)}: {point.reason}")
    raw = sum(not point.normalised for point in trend.points)
    if raw and not all_raw:
        lines.append(f"{raw} of {plural(len(trend.points), 'point')} as measured: compared with none")
    if trend.anchor and plain(_anchor(trend)) != common_anchor:
        lines.append(f"the anchor is {_anchor(trend)}")
    if trend.creeps:
        lines.append(_creep(trend))
    return lines


def _creep(trend: Trend) -> str:
    whole = f"! creeps: {percent(trend.creep_percent)} since {_anchor(trend)}"
    tolerance = f"{trend.tolerance_percent or 0.0:.0f} %"
    if trend.drift_percent == trend.creep_percent:
        return f"{whole}, no single step beyond {tolerance}"
    return f"{whole}, {percent(trend.drift_percent)} of it in steps none of which is beyond {tolerance}"


def _anchor(trend: Trend) -> str:
    first = trend.points[trend.comparable[0]]
    is_first = trend.anchor in (first.date[:10], (first.commit or "")[:_DIGITS_OF_COMMIT])
    return f"the first point, {trend.anchor}" if is_first else str(trend.anchor)


def _when(point: Point) -> str:
    """Name day and commit: `on 2026-11-21 in cbecdcf4a649`."""
    commit = f"in {_short(point.commit)}" if point.commit else "(not committed)"
    return f"on {point.date[:10]} {commit}"


def _short(commit: str) -> str:
    sha, plus, changes = commit.partition("+")
    return sha[:_DIGITS_OF_COMMIT] + plus + changes


def _style(trend: Trend) -> str:
    if trend.creeps:
        return "bold red"
    if not trend.shifts:
        return ""
    return "yellow" if trend.shifts[-1].change_percent > 0 else "green"


def _summary(trends: Sequence[Trend]) -> str:
    environments = len({trend.environment for trend in trends})
    shifted = sum(bool(trend.shifts) for trend in trends)
    creeping = sum(trend.creeps for trend in trends)
    creep = f"{creeping} creeps" if creeping == 1 else f"{creeping or 'none'} creep"
    return (
        f"{plural(len(trends), 'trend')} in {plural(environments, 'environment')}: "
        f"{shifted or 'none'} with a change point, {creep}."
    )
