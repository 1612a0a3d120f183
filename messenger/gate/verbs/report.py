"""`messenger gate report`: draws a report that was written before."""

from pathlib import Path
from typing import Unpack

import click

from ..archive import archive_of, last_report
from ..error import GateError
from ..report import Report, parse_report
from .arguments import FILE, examples, find_project
from .output import Wanted, publish, reporting, require_room

LARGEST = 256 * 1024 * 1024  # bytes; one of ten thousand benchmarks with 30 commits each takes 80 MB


@click.command(
    "report",
    short_help="draw a report again, as pages or tables",
    epilog=examples(
        "messenger gate report --html pages",
        "messenger gate report report.json --markdown comment.md --junit junit.xml",
    ),
)
@click.argument("file", type=FILE, metavar="[REPORT.json]", required=False)
@reporting
def command(file: Path | None, **wanted: Unpack[Wanted]) -> int:
    """Draw REPORT.json, or the report of the last check here, and judge nothing anew.

    The exit status is that of the check.
    """
    require_room(wanted)
    return publish(read_report(file), wanted)


def read_report(file: Path | None) -> Report:
    """Read the report in *file*, or that of the last check of the project around the current folder.

    Raises:
        GateError: there is none, or it is none.
    """
    file = file or _last()
    try:
        if file.stat().st_size > LARGEST:
            raise GateError(f"{file} has {file.stat().st_size} bytes, and a report has {LARGEST} at most")
        return parse_report(file.read_bytes(), str(file))
    except OSError as error:
        raise GateError(f"cannot read {file}: {error.strerror}") from error


def _last() -> Path:
    root, settings, _ = find_project(None)
    archive = archive_of(root, settings)
    if archive is None or not last_report(archive).exists():
        raise GateError(
            f"no check has been kept in {archive or root}; run messenger gate check, or name a report"
        )
    return last_report(archive)
