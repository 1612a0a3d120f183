"""Archive: the folder where every run leaves a dated log, and the last one its report.

tmp/benchmarks/2026-11-21-node.log, 2026-11-21-node-2.log, 2026-11-21-report.json ...
tmp/benchmarks/latest/node.log -> ../2026-11-21-node-2.log, report.json, summary.md, index.html
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable
from datetime import date
from itertools import count
from pathlib import Path

from .error import GateError
from .publish import has_html, write_html
from .report import Report, format_report
from .reports.log import render_log
from .reports.markdown import render_markdown
from .settings import Settings
from .store import write_whole
from .suite import suite_of


def archive_of(root: Path, settings: Settings) -> Path | None:
    """Return the folder that the project at *root* keeps its runs in; None when it keeps none."""
    return root / settings.reports if settings.reports else None


def last_report(folder: Path) -> Path:
    """Say where in the archive *folder* the report of the last run stands."""
    return folder / "latest" / "report.json"


def keep_report(report: Report, folder: Path) -> tuple[Path, ...]:
    """Write *report* to the archive *folder* and make it the latest; returns the logs, one a suite.

    Nothing there is ever half written, and no run takes the name of another, whoever runs at once. git sees
    nothing of the folder.

    Raises:
        GateError: something cannot be written.
    """
    day = _day(report)
    latest = folder / "latest"
    if latest.is_symlink():
        raise GateError(
            f"cannot keep this run in {folder}: {latest} is a link, and what it leads to is not ours"
        )
    try:
        latest.mkdir(parents=True, exist_ok=True)
        if not (folder / ".gitignore").exists():
            write_whole(folder / ".gitignore", "*\n")
        text = format_report(report)
        write_whole(last_report(folder), text)
        logs = []
        for suite in sorted({suite_of(row.name) for row in report.results}):
            name = _file_name(suite)
            logs.append(_write_new(folder, f"{day}-{name}", ".log", render_log(report, suite)))
            _point(latest / f"{name}.log", Path("..", logs[-1].name))
        _write_new(folder, f"{day}-report", ".json", text)
        write_whole(latest / "summary.md", render_markdown(report))
        if has_html():
            write_html(report, latest)
    except OSError as error:
        raise GateError(
            f"cannot keep this run in {folder}: {error.strerror}; [tool.messenger.gate] reports "
            'names another folder, or none: reports = ""'
        ) from error
    return tuple(logs)


def _day(report: Report) -> str:
    try:
        return date.fromisoformat(report.timestamp[:10]).isoformat()  # a report's text must not become a path
    except ValueError:
        return date.today().isoformat()


def _write_new(folder: Path, stem: str, suffix: str, text: str) -> Path:
    """Write a file that nobody else has: STEM, then STEM-2, STEM-3 ..."""
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".new-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        for path in _names(folder, stem, suffix):
            try:
                _take(temporary, path)
            except FileExistsError:
                continue
            return path
    finally:
        os.unlink(temporary)
    raise AssertionError("names do not end")


def _take(temporary: str, path: Path) -> None:
    """Give *temporary* the name of *path* unless that is taken: a link refuses, and a rename would not.

    Raises:
        FileExistsError: it is taken.
    """
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links; for a moment the file is empty
        path.open("x").close()
        path.write_bytes(Path(temporary).read_bytes())


def _file_name(suite: str) -> str:
    """Write *suite* so that it is a name of a file anywhere."""
    name = re.sub(r"[^\w.+-]", "_", suite)
    return name if len(name) <= 100 else f"{name[:90]}-{hashlib.sha256(suite.encode()).hexdigest()[:8]}"


def _names(folder: Path, stem: str, suffix: str) -> Iterable[Path]:
    yield folder / f"{stem}{suffix}"
    for number in count(2):
        yield folder / f"{stem}-{number}{suffix}"


def _point(link: Path, target: Path) -> None:
    temporary = link.with_name(f".{link.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    os.replace(temporary, link)
