"""Annotations: the failures of a report as GitHub shows them beside the code."""

from ..report import Report, Result
from ..workflow_command import write_command
from .units import plural
from .words import failure, headline, plain

# GitHub shows ten errors of a step, and drops the others in silence.
_MOST = 10


def render_annotations(report: Report, folder: str = "") -> str:
    """Write a workflow command a failure, ten at most and then one that counts the others.

    folder: where the project stands in its repository, with a slash at the end, when not at its top.
    """
    failed = [row for row in report.results if row.failed]
    lines = [_annotation(row, folder) for row in failed[:_MOST]]
    if len(failed) > _MOST:
        # A warning, for an eleventh error would be dropped too.
        rest = plural(len(failed) - _MOST, "failing benchmark")
        lines.append(write_command("warning", f"and {rest} more; the table has all", title="messenger gate"))
    if report.exit_code and not failed:
        lines.append(write_command("error", plain(headline(report)), title="messenger gate"))
    return "".join(f"{line}\n" for line in lines)


def _annotation(row: Result, folder: str) -> str:
    place = {"file": folder + row.source.file, "line": str(row.source.line)} if row.source else {}
    return write_command("error", plain(failure(row)), **place, title=plain(row.name))
