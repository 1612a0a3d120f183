"""Annotations: failures as GitHub shows them, on the lines that they stand at."""

from ..report import Report, Result
from .units import plural
from .words import failure, plain

_MOST = 10  # GitHub shows no more of a step


def render_annotations(report: Report) -> str:
    """Write a workflow command a failing benchmark, worst first, ten at most, then how many more there are.

    Source: GitHub Docs, "Workflow commands for GitHub Actions".
    """
    failed = [row for row in report.results if row.failed]
    lines = [_annotation(row) for row in failed[:_MOST]]
    if (more := len(failed) - _MOST) > 0:
        lines.append(f"::error title=messenger gate::and {plural(more, 'benchmark')} more; see the summary")
    return "".join(f"{line}\n" for line in lines)


def _annotation(row: Result) -> str:
    place = f"file={_property(row.source.file)},line={row.source.line}," if row.source else ""
    title = _property(row.name.rpartition("/")[2])
    return f"::error {place}title={title}::{_data(f'{row.name}: {failure(row)}')}"


def _data(text: str) -> str:
    """Escape what would end the message; line ends are visible already."""
    return plain(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
