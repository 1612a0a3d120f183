"""CSV: a report as a table for spreadsheets and scripts, one row a benchmark."""

import csv
import io

from ..report import Report, Result
from .words import plain

_COLUMNS = (
    "name",
    "status",
    "baseline_q25_ms",
    "q25_ms",
    "change_percent",
    "low_percent",
    "high_percent",
    "tolerance_percent",
    "instructions_percent",
    "normalised",
    "mean_ms",
    "std_dev_ms",
    "min_ms",
    "max_ms",
    "median_ms",
    "rounds",
    "outliers",
    "processes",
    "target_ms",
    "performance_ratio",
    "missed_targets",
    "baseline_commit",
    "commit",
    "timestamp",
    "file",
    "line",
    "note",
)
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@")


def render_csv(report: Report) -> str:
    """Write *report* as RFC 4180 has it, every text quoted, every number bare, what is not known empty.

    Text that a spreadsheet would compute begins with an apostrophe; control characters are made visible, so
    that a row is a line.
    """
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(_COLUMNS)
    for row in report.results:
        cells = _cells(report, row)
        writer.writerow([_cell(cells[column]) for column in _COLUMNS])
    return out.getvalue()


def _cells(report: Report, row: Result) -> dict[str, object]:
    low, high = row.interval_percent or (None, None)
    own = {column: getattr(row, column) for column in _COLUMNS if hasattr(row, column)}
    return own | {
        "low_percent": low,
        "high_percent": high,
        "missed_targets": " ".join(promise.statistic for promise in row.missed),
        "commit": report.commit,
        "timestamp": report.timestamp,
        "file": row.source.file if row.source else None,
        "line": row.source.line if row.source else None,
    }


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return value
    text = plain(value)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
