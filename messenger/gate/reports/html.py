"""HTML: a report as one page that opens from disk, without network, server, or JavaScript if need be."""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ..comparison import Status
from ..history.trend import Trend
from ..report import Report, Result
from .svg import axis_of, interval_bar, strips, trend_line
from .units import plural
from .words import (
    STATUS,
    change_cell,
    circumstances,
    headline,
    instructions_cell,
    plain,
    shorten,
    status_cell,
    target_cells,
    time_cell,
)

if TYPE_CHECKING:
    from jinja2 import Template

_PAGE = Path(__file__).parent / "page"


def render_html(report: Report) -> str:
    """Write *report* as a page, which draws with `plotly.min.js` if that lies beside it.

    Nothing from the report is markup or script: the page's policy lets no other script run than its own.
    """
    mine = (trend for trend in report.trends if trend.environment == report.environment)
    trends = {trend.name: trend.at_one_pace() for trend in mine}
    prefix, names = shorten(row.name for row in report.results)
    axis = axis_of(report.results)
    data = _data(report.results, trends)
    rows = [
        _row(number, row, names[row.name], trends.get(row.name), axis)
        for number, row in enumerate(report.results)
    ]
    return _template().render(
        report=report,
        headline=plain(headline(report)),
        lines=[plain(line) for line in circumstances(report)],
        prefix=plain(prefix),
        rows=rows,
        counts=_counts(report.results),
        counted=any(row.instructions_percent is not None for row in report.results),
        elsewhere=_elsewhere(report),
        axis=axis,
        data=data,
        # The policy names it, and who could guess it would have to put it into what it is the hash of.
        nonce=hashlib.sha256(data.encode() + repr(report.lines).encode()).hexdigest()[:32],
        style=(_PAGE / "page.css").read_text(encoding="utf-8"),
        script=(_PAGE / "page.js").read_text(encoding="utf-8"),
    )


@cache
def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")


def _row(number: int, row: Result, name: str, trend: Trend | None, axis: float) -> dict[str, Any]:
    facts = {
        "Current": row.shown_ms,
        "Baseline": row.baseline_q25_ms,
        "As measured": row.q25_ms,
        "Mean": row.mean_ms,
        "Standard deviation": row.std_dev_ms,
        "Least": row.min_ms,
        "Most": row.max_ms,
        "Median": row.median_ms,
    }
    return {
        "number": number,
        "name": plain(name),
        "full_name": plain(row.name),
        "status": str(row.status),
        "status_word": STATUS[row.status],
        "status_cell": plain(status_cell(row)),
        "order": list(Status).index(row.status),
        "failed": row.failed,
        "baseline": time_cell(row.baseline_q25_ms),
        "current": time_cell(row.shown_ms),
        "change": change_cell(row),
        "instructions": instructions_cell(row),
        "result": row,
        "bar": interval_bar(row, axis),
        "facts": [(label, time_cell(value)) for label, value in facts.items() if value is not None],
        "rounds": _rounds(row),
        "targets": [
            (statistic, time_cell(target.value_ms), time_cell(target.target_ms), outcome, target.met)
            for target in row.targets
            for statistic, outcome in [target_cells(target)]
        ],
        "strips": strips(row),
        "trend": trend_line(trend) if trend else "",
        "story": [plain(line) for line in _story(trend)] if trend else [],
        "place": plain(f"{row.source.file}:{row.source.line}") if row.source else "",
    }


def _rounds(row: Result) -> str:
    told = f"{plural(row.rounds, 'round')}, {plural(row.processes, 'process')}"
    return told if row.outliers is None else f"{told}, {row.outliers}/{row.rounds} outliers"


def _story(trend: Trend) -> Iterable[str]:
    """Say in sentences what the picture of a trend shows."""
    for shift in trend.shifts:
        point = trend.points[shift.at]
        where = f"commit {point.commit[:12]}" if point.commit else "an uncommitted change"
        yield f"{shift.change_percent:+.1f} % at {where} of {point.date[:10]}."
    for point in trend.points:
        if point.reason:
            yield f"Accepted {point.date[:10]}: {point.reason}."
    if trend.creep_percent is not None and trend.anchor:
        yield f"{trend.creep_percent:+.1f} % since {trend.anchor}."


def _counts(rows: Iterable[Result]) -> list[tuple[str, str, int]]:
    statuses = [row.status for row in rows]
    return [(str(status), STATUS[status], statuses.count(status)) for status in Status if status in statuses]


def _elsewhere(report: Report) -> list[str]:
    return sorted({trend.environment for trend in report.trends} - {report.environment})


def _data(rows: Iterable[Result], trends: dict[str, Trend]) -> str:
    """Write what the charts are drawn from as JSON that can stand inside a script element."""
    charts = [
        {
            "samples": row.samples_ms,
            "baseline_samples": row.baseline_samples_ms,
            "baseline": row.baseline_q25_ms,
            "target": row.target_ms,
            "target_name": row.targets[0].statistic if row.targets else None,
            "trend": trends.get(row.name),
        }
        for row in rows
    ]
    text = msgspec.json.encode(charts).decode()
    for character, escape in (("&", "\\u0026"), ("<", "\\u003c"), (">", "\\u003e")):
        text = text.replace(character, escape)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
