"""Trends: what git, and folders of reports, remember of benchmarks."""

from pathlib import Path

from .error import GateError
from .git_history import ancestors, is_shallow, latest_tag, read_versions
from .history import Anchor, History, add_reports, follow, trends_of
from .report import Report, UnreadableReport, parse_report
from .reports.units import plural
from .store import read_baselines
from .trend import Trend


def read_history(root: Path, folder: Path, reports: Path | None = None) -> tuple[History, list[str]]:
    """Read what was committed in the baselines *folder*, what lies there now, and what stands in *reports*.

    Returns warnings too, as clauses.

    Raises:
        GateError: *root* is in no repository, or *reports* is no folder.
    """
    warnings = []
    history, unreadable = follow(read_versions(root, folder), read_baselines(folder))
    if unreadable:
        warnings.append(f"{plural(unreadable, 'committed version')} of baselines cannot be read; left out")
    if is_shallow(root):
        warnings.append("this checkout is shallow: the history before it is not here (git fetch --unshallow)")
    if reports is not None:
        found, strange = _read_reports(reports)
        add_reports(history, found)
        if strange:
            warnings.append(f"{plural(strange, 'file')} in {reports} cannot be read as reports; left out")
    return history, warnings


def read_trends(root: Path, folder: Path, anchor: str) -> tuple[Trend, ...]:
    """Read what the baselines in *folder* tell, for a report; nothing where git knows nothing."""
    try:
        history, _ = read_history(root, folder)
        return trends_of(history, find_anchor(root, anchor))
    except GateError:
        return ()


def find_anchor(root: Path, wanted: str) -> Anchor | None:
    """Return the release called *wanted*, or the last one; None where there was none.

    Raises:
        GateError: there is no such commit.
    """
    name = wanted or latest_tag(root)
    return Anchor(name, ancestors(root, name)) if name else None


def _read_reports(folder: Path) -> tuple[list[Report], int]:
    if not folder.is_dir():
        raise GateError(f"{folder} is no folder of reports; gate check keeps some in tmp/benchmarks")
    found, strange = [], 0
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(parse_report(path.read_bytes(), str(path)))
        except (UnreadableReport, OSError):
            strange += 1
    return found, strange
