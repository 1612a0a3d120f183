"""Publish: a report reaches the files it was asked for."""

import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from .error import GateError
from .report import Report, format_report
from .reports.csv import render_csv
from .reports.junit import render_junit
from .reports.markdown import STEP_SUMMARY_LIMIT, render_markdown
from .store import write_whole

_PAGES = ("jinja2", "plotly")
FORMATS: dict[str, Callable[[Report], str]] = {
    "markdown": render_markdown,
    "json": format_report,
    "csv": render_csv,
    "junit": render_junit,
}


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


def write_reports(report: Report, places: Mapping[str, Path | None]) -> None:
    """Write *report* to the *places* that were asked for, by format: markdown, json, csv or junit.

    Raises:
        GateError: a file cannot be written.
    """
    for name, path in places.items():
        if path is not None:
            write_whole(path, FORMATS[name](report))


def require_step_summary() -> str:
    """Return the file that this GitHub job shows as its page.

    Raises:
        GateError: this is no such job.
    """
    place = os.environ.get("GITHUB_STEP_SUMMARY")
    if not place:
        raise GateError(
            "--step-summary is for GitHub Actions: $GITHUB_STEP_SUMMARY is not set; use --markdown FILE"
        )
    return place


def append_step_summary(report: Report) -> None:
    """Add *report* to the page of the GitHub job that this runs in.

    Raises:
        GateError: this is no such job, or its file cannot be written.
    """
    place = require_step_summary()
    try:
        with open(place, "a", encoding="utf-8") as file:
            file.write(render_markdown(report, limit=STEP_SUMMARY_LIMIT))
    except OSError as error:
        raise GateError(f"cannot write the step summary {place}: {error.strerror}") from error


def has_html() -> bool:
    """Claim that what pages are made with is installed."""
    return all(find_spec(package) for package in _PAGES)


def require_html(folder: Path) -> Path:
    """Return the JavaScript that the pages draw with.

    Raises:
        GateError: *folder* is a file.
        ModuleNotFoundError: jinja2 or plotly is not installed.
    """
    if folder.exists() and not folder.is_dir():
        raise GateError(f"cannot write pages to {folder}: it is a file; name a folder")
    # Not imported: its JavaScript is all that is needed of plotly.
    places = {package: find_spec(package) for package in _PAGES}
    for package, place in places.items():
        if place is None or place.origin is None:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)
        library = Path(place.origin).parent / "package_data" / "plotly.min.js"
    return library


def write_html(report: Report, folder: Path) -> None:
    """Write *report* as pages to *folder*, with all that they need beside them.

    Raises:
        GateError: the folder cannot be written.
        ModuleNotFoundError: jinja2 or plotly is not installed.
    """
    from .reports.html import render_html

    library = require_html(folder)
    write_whole(folder / "index.html", render_html(report))
    place = folder / "plotly.min.js"
    if not place.exists() or place.stat().st_size != library.stat().st_size:
        write_whole(place, library.read_text(encoding="utf-8"))
