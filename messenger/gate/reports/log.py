"""Log: a report as plain text that is kept, a section a benchmark."""

from collections.abc import Iterator, Sequence

from ..report import Prerequisite, Report, Result
from ..suite import suite_of
from .units import plural
from .words import change_cell, circumstances, headline, plain, status_cell, target_cells, time_cell


def render_log(report: Report, suite: str) -> str:
    """Write down what *report* says of the benchmarks of *suite*, in the order of their names.

    Times are those of the median process, as they were measured; the change is at the pace of the baseline.
    """
    rows = sorted((row for row in report.results if suite_of(row.name) == suite), key=lambda row: row.name)
    lines = [*_header(report, suite), "", *_prerequisites(report.prerequisites)]
    for row in rows:
        lines += ["", *_section(row)]
    return "\n".join([*lines, "", *_summary(report, rows)]) + "\n"


def _header(report: Report, suite: str) -> Iterator[str]:
    yield f"Benchmarks of {suite}"
    yield ""
    commit = (report.commit or "none")[:12] + (", with uncommitted changes" if report.dirty else "")
    facts = {
        "Date": report.timestamp or "nothing was measured",
        "Commit": commit + (f", of {report.commit_date}" if report.commit_date else ""),
        "Base": report.base[:12] if report.base else None,
        "Environment": report.environment,
        "Command": report.commands.reproduce,
    }
    for name, value in facts.items():
        if value:
            yield f"{name + ':':<13}{plain(value)}"
    yield ""
    yield from map(plain, circumstances(report))


def _prerequisites(found: Sequence[Prerequisite]) -> Iterator[str]:
    yield "Prerequisites" if found else "Prerequisites: not looked at"
    for one in found:
        advice = f"; {one.advice}" if one.advice and not one.met else ""
        yield plain(f"  {'✓' if one.met else '✗'} {one.name}: {one.found}{advice}")


def _section(row: Result) -> Iterator[str]:
    yield plain(row.name) + (f"  ({plain(row.source.file)}:{row.source.line})" if row.source else "")
    outliers = None if row.outliers is None else f"{row.outliers}/{row.rounds}"
    facts = {
        "mean": time_cell(row.mean_ms) if row.mean_ms is not None else None,
        "std dev": time_cell(row.std_dev_ms) if row.std_dev_ms is not None else None,
        "min": time_cell(row.min_ms) if row.min_ms is not None else None,
        "max": time_cell(row.max_ms) if row.max_ms is not None else None,
        "baseline": time_cell(row.baseline_q25_ms) + " (q25)" if row.baseline_q25_ms is not None else None,
        "change": change_cell(row) if row.change_percent is not None else None,
        "outliers": outliers,
    }
    for name, value in facts.items():
        if value is not None:
            yield f"  {name:<9} {value}"
    for target in row.targets:
        statistic, outcome = target_cells(target)
        mark = "✓" if target.met else "✗"
        value, promised = time_cell(target.value_ms), time_cell(target.target_ms)
        yield f"  {'target':<9} {mark} {statistic} {value} of {promised}, {outcome}"
    yield f"  {'status':<9} {plain(status_cell(row))}"


def _summary(report: Report, rows: Sequence[Result]) -> Iterator[str]:
    failed = sum(row.failed for row in rows)
    yield "Summary"
    yield f"  {plural(len(rows), 'benchmark')}: {len(rows) - failed} passed, {failed} failed"
    yield f"  {plain(headline(report))}"
