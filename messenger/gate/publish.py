"""Publish: a report reaches the files it was asked for."""

import os
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from .error import GateError
from .report import Report
from .store import write_whole

# What renders the file of an option, loaded when it is wanted: `--csv FILE` is csv=FILE in `write_reports`.
_FACES = {
    "markdown": (".reports.markdown", "render_markdown"),
    "json": (".report", "format_report"),
    "csv": (".reports.csv", "render_csv"),
    "junit": (".reports.junit", "render_junit"),
}
_PAGES = ("jinja2", "plotly")
_STEP_SUMMARY = "GITHUB_STEP_SUMMARY"


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


def require_step_summary() -> Path:
    """Return the file that GitHub shows as a job's summary.

    Raises:
        GateError: there is none, or it cannot be written.
    """
    place = os.environ.get(_STEP_SUMMARY)
    if not place:
        raise GateError(
            f"--step-summary needs {_STEP_SUMMARY}, which GitHub sets; elsewhere: --markdown FILE"
        )
    require_writable(Path(place))
    return Path(place)


def write_reports(report: Report, **files: Path | None) -> None:
    """Write the reports that were asked for, by the name of their format.

    Raises:
        GateError: a file cannot be written.
    """
    for name, path in files.items():
        if path is not None:
            module, function = _FACES[name]
            render: Callable[[Report], str] = getattr(import_module(module, __package__), function)
            write_whole(path, render(report))


def append_step_summary(report: Report) -> None:
    """Add *report* to the job's summary, as long as there is room for: GitHub drops what is longer, whole.

    Raises:
        GateError: there is no such file, it is full, or it cannot be written.
    """
    from .reports.markdown import LEAST_ROOM, SUMMARY_BYTES, render_summary

    path = require_step_summary()
    try:
        used = path.stat().st_size if path.exists() else 0
        if (room := SUMMARY_BYTES - used) < LEAST_ROOM:
            raise GateError(f"no room in {_STEP_SUMMARY}: {used} of {SUMMARY_BYTES} bytes are used")
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(render_summary(report, room))
    except OSError as error:
        raise GateError(f"cannot write {path}: {error.strerror}") from error


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
