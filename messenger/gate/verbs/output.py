"""Output: a report reaches the screen and the files it was asked for."""

import sys
from pathlib import Path

import click

from ..publish import write_reports
from ..report import Report
from ..reports.terminal import render_terminal
from ..screen import colourful, columns


def publish(report: Report, *, markdown: Path | None = None, json: Path | None = None) -> int:
    """Write the files, print the table, and return the exit status.

    Raises:
        GateError: a file cannot be written.
    """
    write_reports(report, markdown=markdown, json=json)
    colour = colourful(sys.stdout)
    click.echo(render_terminal(report, width=columns(sys.stdout), colour=colour), nl=False, color=colour)
    return report.exit_code
