"""Publish: a report reaches the files it was asked for."""

import os
from pathlib import Path

from .error import GateError
from .report import Report, format_report
from .store import write_whole


def require_writable(*paths: Path | None) -> None:
    """Refuse a place that cannot be written before anything is measured for it.

    Raises:
        GateError: a path is a folder, or its nearest existing folder cannot be written.
    """
    for path in paths:
        if path is None:
            continue
        if path.is_dir():
            raise GateError(f"cannot write {path}: it is a folder; name a file in it")
        folder = next((parent for parent in path.absolute().parents if parent.exists()), Path("/"))
        if not folder.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
            raise GateError(f"cannot write {path}: {folder} cannot be written; choose another place")


def write_reports(report: Report, *, markdown: Path | None, json: Path | None) -> None:
    """Write the reports that were asked for.

    Raises:
        GateError: a file cannot be written.
    """
    if markdown is not None:
        from .reports.markdown import render_markdown

        write_whole(markdown, render_markdown(report))
    if json is not None:
        write_whole(json, format_report(report))
