"""Output: a report reaches the screen and the files it was asked for."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

import click

from ..archive import keep_report, last_report
from ..error import GateError
from ..publish import (
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
from ..settings import find_root
from ..workflow_command import GitHubLog
from .arguments import FILE


class Wanted(TypedDict):
    """Where a report is to be written, by the options of `reporting`."""

    markdown: Path | None
    json: Path | None
    csv: Path | None
    junit: Path | None
    html: Path | None
    step_summary: bool


def reporting(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that ask for a report in files; the command gets them as `Wanted`."""
    files = {
        "--markdown": "Write markdown, no longer than a comment on GitHub.",
        "--json": "Write the report as JSON, times in milliseconds.",
        "--csv": "Write a row a benchmark as CSV.",
        "--junit": "Write a test case a benchmark as JUnit XML.",
    }
    summary = "Add the markdown to the job's summary on GitHub ($GITHUB_STEP_SUMMARY)."
    command = click.option("--step-summary", is_flag=True, help=summary)(command)
    pages = "Write pages that open without network or server."
    command = click.option("--html", type=FILE, metavar="DIR", help=pages)(command)
    for name, text in reversed(files.items()):
        command = click.option(name, type=FILE, metavar="FILE", help=text)(command)
    return command


def require_room(wanted: Wanted) -> None:
    """Refuse places that cannot be written before anything is measured for them.

    Raises:
        GateError: a file cannot be written.
    """
    require_writable(wanted["markdown"], wanted["json"], wanted["csv"], wanted["junit"])
    if wanted["html"] is not None:
        require_html(wanted["html"])
    if wanted["step_summary"]:
        require_step_summary()


def publish(report: Report, wanted: Wanted, archive: Path | None = None) -> int:
    """Write the files, keep *report* in *archive*, print the table, and return the exit status.

    On GitHub failures are annotations too.

    Raises:
        GateError: a file cannot be written.
    """
    write_reports(
        report,
        markdown=wanted["markdown"],
        json=wanted["json"],
        csv=wanted["csv"],
        junit=wanted["junit"],
    )
    if wanted["html"] is not None:
        write_html(report, wanted["html"])
    if wanted["step_summary"]:
        append_step_summary(report)
    if archive is not None and report.results:  # a mistyped path must not become the last check
        _keep(report, archive)
    colour = colourful(sys.stdout)
    if isinstance(sys.stdout, GitHubLog):
        sys.stdout.obey(render_annotations(report, _folder()))
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


def _folder() -> str:
    """Say where the project stands in what GitHub has checked out, as annotations are relative to that."""
    workspace = os.environ.get("GITHUB_WORKSPACE")
    root = find_root(Path.cwd())
    if not workspace or not root.is_relative_to(workspace):
        return ""
    folder = root.relative_to(workspace).as_posix()
    return "" if folder == "." else f"{folder}/"
