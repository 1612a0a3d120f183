"""History: versions of baselines, and reports, become the trends of benchmarks."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, pairwise

import msgspec

from .baseline import Baseline, UnreadableBaseline, parse_baseline
from .change_points import find_shifts
from .comparison import TOLERANCE_LEAST, find_moved
from .git_history import Version
from .measurement import Measurement
from .report import Report
from .trend import Point, Shift, Trend

NOISE_LEAST = 0.02  # what the same benchmark differs by between two days, whatever its processes agree on
_CREEP = 0.05


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One value as it was found: accepted by the commit *sha*, None where nobody has committed it."""

    date: str
    sha: str | None
    row: Measurement


class Anchor(msgspec.Struct, frozen=True):
    """What creep is measured against: the values that the commits of a release had accepted."""

    name: str
    commits: frozenset[str]


# What was seen of each benchmark in each environment, oldest first.
History = dict[tuple[str, str], list[Seen]]
Rows = dict[str, dict[str, Measurement]]  # by environment and name


def follow(versions: Iterable[Version], current: Sequence[Baseline]) -> tuple[History, int]:
    """Follow every row through *versions*, oldest first, to the baselines that lie there now.

    A row that a version has not measured anew is no new value; one that has moved goes on under its new
    name. Returns what was seen, and how many versions could not be read.
    """
    history: History = {}
    files: dict[str, Baseline] = {}
    unreadable = 0
    for (sha, date), changed in groupby(versions, key=lambda version: (version.sha, version.date)):
        before = _rows(files.values())
        for version in changed:
            try:
                _put(files, version)
            except UnreadableBaseline:
                unreadable += 1
        _note(history, before, _rows(files.values()), date, sha)
    if current:
        date = max(baseline.date for baseline in current)
        _note(history, _rows(files.values()), _rows(current), date, None)
    return history, unreadable


def add_reports(history: History, reports: Iterable[Report]) -> None:
    """Add what *reports* measured, each value at its time and in its environment."""
    for report in sorted(reports, key=lambda report: report.timestamp):
        for result in report.results:
            if result.shown_ms is None:
                continue
            nanoseconds = result.shown_ms * 1e6
            row = Measurement(
                name=result.name,
                q25_ns=nanoseconds,
                median_ns=nanoseconds,
                mean_ns=nanoseconds,
                stddev_ns=0.0,
                min_ns=nanoseconds,
                rounds=result.rounds,
                commit=report.commit and report.commit[:12],
            )
            seen = history.setdefault((report.environment, result.name), [])
            seen.append(Seen(date=report.timestamp, sha=report.commit, row=row))
    for found in history.values():
        found.sort(key=lambda one: one.date)


def trends_of(history: Mapping[tuple[str, str], Sequence[Seen]], anchor: Anchor | None) -> tuple[Trend, ...]:
    """Make a trend of everything that was seen, by environment and name; creep is counted from *anchor*."""
    return tuple(
        _trend(environment, name, seen, anchor)
        for (environment, name), seen in sorted(history.items())
        if seen
    )


def creeps(trend: Trend) -> bool:
    """Claim that a benchmark got slower by steps too small to be called regressions, 5 % or more together."""
    if trend.creep_percent is None or trend.creep_percent < _CREEP * 100:
        return False
    values = [point.q25_ms for point in trend.points]
    steps = [after / before - 1 for before, after in pairwise(values)]
    return all(step <= TOLERANCE_LEAST for step in steps)


def _put(files: dict[str, Baseline], version: Version) -> None:
    if version.content is None:
        files.pop(version.path, None)
    else:
        files[version.path] = parse_baseline(version.content, version.path)


def _rows(baselines: Iterable[Baseline]) -> Rows:
    found: Rows = {}
    for baseline in baselines:
        found.setdefault(baseline.environment.slug, {}).update({row.name: row for row in baseline.benchmarks})
    return found


def _note(history: History, before: Rows, after: Rows, date: str, sha: str | None) -> None:
    """Note what a commit has brought, environment by environment."""
    for environment, rows in after.items():
        old = before.get(environment, {})
        moved = find_moved(rows, old)
        for name, was in moved.items():
            if (environment, was) in history:
                history[environment, name] = history.pop((environment, was))
        for name, row in rows.items():
            known = old.get(moved.get(name, name))
            if known is None or msgspec.structs.replace(known, name=name) != row:
                history.setdefault((environment, name), []).append(Seen(date=date, sha=sha, row=row))


def _trend(environment: str, name: str, seen: Sequence[Seen], anchor: Anchor | None) -> Trend:
    values = _at_one_pace([one.row for one in seen])
    spreads = [one.row.spread for one in seen if one.row.spread is not None]
    noise = max(statistics.median(spreads) if spreads else 0.0, NOISE_LEAST)
    starts = find_shifts(values, noise)
    anchored = _anchored(seen, anchor)
    return Trend(
        name=name,
        environment=environment,
        points=tuple(_point(one, value) for one, value in zip(seen, values, strict=True)),
        shifts=tuple(_shift(values, starts, start) for start in starts),
        anchor=None if anchored is None else (anchor.name if anchor else "the first value"),
        creep_percent=None if anchored is None else round(_creep(values, anchored) * 100, 2),
    )


def _at_one_pace(rows: Sequence[Measurement]) -> list[float]:
    """Write all values, in milliseconds, as if the machine had run as fast as for the last of them."""
    last = rows[-1].reference_ns
    if last and all(row.reference_ns for row in rows):
        return [row.q25_ns / (row.reference_ns or last) * last / 1e6 for row in rows]
    return [row.q25_ns / 1e6 for row in rows]


def _point(one: Seen, value_ms: float) -> Point:
    spread = one.row.spread
    reach = None if spread is None else 2 * spread
    return Point(
        date=one.date,
        commit=one.sha and (one.row.commit or one.sha[:12]),
        q25_ms=float(f"{value_ms:.5g}"),
        low_ms=None if reach is None else float(f"{value_ms * max(1 - reach, 0):.5g}"),
        high_ms=None if reach is None else float(f"{value_ms * (1 + reach):.5g}"),
        reason=one.row.reason,
    )


def _shift(values: Sequence[float], starts: Sequence[int], start: int) -> Shift:
    borders = [0, *starts, len(values)]
    at = borders.index(start, 1)
    before, after = (
        statistics.fmean(map(math.log, values[one:other]))
        for one, other in ((borders[at - 1], start), (start, borders[at + 1]))
    )
    return Shift(start, round(math.expm1(after - before) * 100, 2))


def _anchored(seen: Sequence[Seen], anchor: Anchor | None) -> int | None:
    """Return the number of the value that the anchor had; None where there is nothing to measure from."""
    if len(seen) < 2:
        return None
    if anchor is None:
        return 0
    had = [number for number, one in enumerate(seen) if one.sha in anchor.commits]
    return had[-1] if had and had[-1] < len(seen) - 1 else None


def _creep(values: Sequence[float], anchored: int) -> float:
    """Compare the median of the last three values with that of up to three around the anchor."""
    around = values[max(anchored - 2, 0) : anchored + 1]
    return statistics.median(values[-3:]) / statistics.median(around) - 1
