"""Output: a report reaches the screen and the files it was asked for."""

import os
import sys
from pathlib import Path

import click

from ..archive import keep_report, last_report
from ..error import GateError
from ..publish import write_reports
from ..report import Report
from ..reports.terminal import render_terminal


def publish(
    report: Report, *, markdown: Path | None = None, json: Path | None = None, archive: Path | None = None
) -> int:
    """Write the files, keep the report in *archive*, print the table, and return the exit status.

    Raises:
        GateError: a file cannot be written.
    """
    write_reports(report, markdown=markdown, json=json)
    if archive is not None:
        _keep(report, archive)
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    click.echo(render_terminal(report, width=columns(), colour=colour), nl=False, color=colour)
    return report.exit_code


def _keep(report: Report, archive: Path) -> None:
    """Keep the report; a checkout that cannot be written is no reason to lose the verdict."""
    try:
        logs = keep_report(report, archive)
    except GateError as error:
        click.echo(f"messenger gate: {error}", err=True)
        return
    if logs:
        click.echo(f"Kept: {', '.join(map(str, logs))} and {last_report(archive).parent}", err=True)


def columns() -> int | None:
    """Return the columns to draw in; None, as wide as needed, where nobody said how wide the output is."""
    asked = os.environ.get("COLUMNS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else None
