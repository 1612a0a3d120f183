"""Output: a report reaches the screen and the files it was asked for."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ..archive import keep_report, last_report
from ..error import GateError
from ..publish import (
    FORMATS,
    append_step_summary,
    require_html,
    require_step_summary,
    require_writable,
    write_html,
    write_reports,
)
from ..report import Report
from ..reports.annotations import render_annotations
from ..reports.terminal import render_terminal
from ..screen import colourful, columns


def require_places(places: Mapping[str, Any]) -> None:
    """Refuse, before anything is measured, what cannot be written.

    Raises:
        GateError: see `require_writable`.
    """
    require_writable(*(places[name] for name in FORMATS))
    if places["html"]:
        require_html(places["html"])
    if places["step_summary"]:
        require_step_summary()


def publish(report: Report, places: Mapping[str, Any], archive: Path | None = None) -> int:
    """Write *report* where it was asked for, keep it in *archive*, print it, and return the exit status.

    places: files by format, `html` a folder, `step_summary` whether to add to it; as `reporting` gives them.

    Raises:
        GateError: a file cannot be written.
    """
    write_reports(report, {name: places[name] for name in FORMATS})
    if places["html"]:
        write_html(report, places["html"])
    if places["step_summary"]:
        append_step_summary(report)
    if archive is not None:
        _keep(report, archive)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        click.echo(render_annotations(report), nl=False)
    colour = colourful(sys.stdout)
    click.echo(render_terminal(report, width=columns(sys.stdout), colour=colour), nl=False, color=colour)
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
