"""History: what is known of every benchmark from commits, reports and the working tree."""

from pathlib import Path

import msgspec

from ..error import GateError
from ..reports.units import plural
from ..settings import Settings
from ..store import read_baselines
from .course import Reported, Snapshot, add_reported, fingerprint_of, follow
from .past import Past, Repository
from .reported import read_reported
from .trend import Trend
from .trends import trends_of

_COULD_NOT_TELL = 3


class History(msgspec.Struct, frozen=True):
    """The trends, most changed first, and sentences on what they do not tell."""

    trends: tuple[Trend, ...]
    warnings: tuple[str, ...] = ()


def read_trends(folder: Path, settings: Settings) -> tuple[Trend, ...]:
    """Read the trends of all benchmarks that have a baseline in *folder*, most changed first.

    Raises:
        GateError: nothing can be told, exit code 3: see `read_history`.
    """
    return read_history(folder, settings).trends


def read_history(
    folder: Path, settings: Settings, *, reports: Path | None = None, anchor: str | None = None
) -> History:
    """Read the history of the baselines in *folder*, and the *reports* in another folder.

    The baselines in the working tree are the last point, where they are not committed. Without a history in
    git, reports alone are told. *anchor* names the commit that creep is measured against, instead of that of
    the settings, or the latest release.

    Raises:
        GateError: git does not tell and there are no reports, there is no baseline, or *anchor* is no commit.
    """
    reported, warnings = _reported(reports)
    ref = settings.anchor if anchor is None else anchor
    repository = _repository(folder, reported, ref, warnings)
    past = repository.read_past() if repository else Past()
    warnings += _skipped(past)
    current = read_baselines(folder)
    courses, gone = follow((*past.snapshots, Snapshot(None, "", current)))
    if gone:
        warnings.append(f"{plural(gone, 'benchmark')} of the past without a baseline now: not shown")
    courses = add_reported(courses, reported)
    if not courses:
        raise GateError(_nothing(folder, past, reports), _COULD_NOT_TELL)
    anchors = {}
    if repository:
        anchors = repository.read_anchors(ref, {fingerprint_of(course.environment) for course in courses})
    return History(trends_of(courses, anchors), tuple(warnings))


def _reported(reports: Path | None) -> tuple[tuple[Reported, ...], list[str]]:
    if reports is None:
        return (), []
    found, skipped = read_reported(reports)
    said = f"{plural(skipped, 'JSON file')} in {reports} skipped: not a report that this messenger reads"
    return found, [said] if skipped else []


def _repository(
    folder: Path, reported: tuple[Reported, ...], ref: str, warnings: list[str]
) -> Repository | None:
    try:
        return Repository(folder)
    except GateError as error:
        if not reported or ref:
            raise
        warnings.append(f"only reports and the baselines as they stand are told: {error}")
        return None


def _skipped(past: Past) -> list[str]:
    skipped = past.unreadable + past.deleted
    if not skipped:
        return []
    kinds = [f"{past.deleted} deleted"] if past.deleted else []
    if past.unreadable:
        kinds.append(f"{past.unreadable} damaged or of another schema, such as {past.complaint}")
    return [f"{skipped} of {plural(past.versions, 'version')} of baseline files skipped: {'; '.join(kinds)}"]


def _nothing(folder: Path, past: Past, reports: Path | None) -> str:
    if past.snapshots:
        return (
            f"{folder} holds no baseline now, although it did; restore it with: git checkout HEAD -- {folder}"
        )
    return (
        f"there are no baselines in {folder}, now or in its history"
        + (f", and no reports in {reports}" if reports else "")
        + "; write them with: messenger gate accept --measure 5 PATHS"
    )
