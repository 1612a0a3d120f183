"""CSV: a row a benchmark, for spreadsheets and notebooks."""

import csv
import io

from ..report import Report, Result
from .words import plain

_COLUMNS = (
    "name",
    "status",
    "change_percent",
    "interval_low_percent",
    "interval_high_percent",
    "baseline_q25_ms",
    "q25_ms",
    "mean_ms",
    "std_dev_ms",
    "min_ms",
    "max_ms",
    "median_ms",
    "rounds",
    "outliers",
    "processes",
    "instructions_percent",
    "target_ms",
    "performance_ratio",
    "file",
    "line",
    "note",
)


def render_csv(report: Report) -> str:
    """Write *report* as CSV (RFC 4180) with a header, worst rows first; what is not known is empty."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    for row in report.results:
        writer.writerow(_cell(value) for value in _values(row))
    return out.getvalue()


def _values(row: Result) -> list[object]:
    low, high = row.interval_percent or (None, None)
    more = {
        "interval_low_percent": low,
        "interval_high_percent": high,
        "file": row.source.file if row.source else None,
        "line": row.source.line if row.source else None,
        "status": str(row.status),
    }
    return [more[column] if column in more else getattr(row, column) for column in _COLUMNS]


def _cell(value: object) -> object:
    """Keep a spreadsheet from taking a benchmark's name for a formula, which begins with one of these."""
    if not isinstance(value, str):
        return value
    text = plain(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
