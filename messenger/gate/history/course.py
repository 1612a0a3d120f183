"""Course: the rows a benchmark had, one after the other, in one environment."""

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from ..baseline import Baseline
from ..measurement import Measurement, is_duration
from ..moved import pair_moved


class Snapshot(msgspec.Struct, frozen=True):
    """The baselines that stood in the repository after a commit, or stand in the working tree (None)."""

    commit: str | None
    date: str
    baselines: tuple[Baseline, ...]


class Row(msgspec.Struct, frozen=True):
    """One measurement, when it was made (ISO 8601), and the commit it came with."""

    date: str
    commit: str | None
    measurement: Measurement


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """A benchmark's rows, oldest first; `environment` is the newest slug, `formerly` its earlier names."""

    name: str
    environment: str
    rows: tuple[Row, ...]
    formerly: tuple[str, ...] = ()


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """A row that a report tells of, and what it says of the baseline it was held against.

    change: against that baseline, the reference loop taken out, as a fraction.
    """

    name: str
    environment: str
    row: Row
    change: float | None = None
    baseline_ns: float | None = None


_Standing = dict[str, tuple[Measurement, str]]  # by name: a row, and when its file was last measured


def follow(snapshots: Iterable[Snapshot]) -> tuple[tuple[Course, ...], int]:
    """Follow every benchmark of the last snapshot back; returns how many others there have been, too.

    A row that is the same as in the snapshot before was not measured again, and is one row of the course.
    A file says which environment it is of, not its folder: a folder may be renamed.
    """
    followed: dict[tuple[str, str], Course] = {}
    before: dict[str, _Standing] = {}
    for snapshot in snapshots:
        after, slugs = _standing(snapshot)
        for environment, rows in after.items():
            earlier = before.get(environment, {})
            if rows == earlier:
                continue
            for old, new in _moves(earlier, rows).items():
                if (environment, new) not in followed:
                    course = followed.pop((environment, old))
                    followed[environment, new] = msgspec.structs.replace(
                        course, name=new, formerly=(*course.formerly, old)
                    )
            for name, (measurement, date) in rows.items():
                if name not in earlier or earlier[name][0] is not measurement:
                    row = Row(date if moment(date) else snapshot.date, snapshot.commit, measurement)
                    known = followed.get((environment, name))
                    followed[environment, name] = _continued(known, row, slugs[environment])
        before = after
    standing = {(environment, name) for environment, rows in before.items() for name in rows}
    return tuple(course for key, course in followed.items() if key in standing), len(
        followed.keys() - standing
    )


def add_reported(courses: Iterable[Course], reported: Iterable[Reported]) -> tuple[Course, ...]:
    """Put what reports tell among the rows, by date; rows of the baselines stay in the order of history."""
    found = {(fingerprint_of(course.environment), course.name): course for course in courses}
    for entry in sorted(reported, key=lambda entry: moment(entry.row.date) or _LONG_AGO):
        key = fingerprint_of(entry.environment), entry.name
        course = found.get(key) or Course(name=entry.name, environment=entry.environment, rows=())
        row = _at_known_pace(entry, course.rows)
        measured = moment(row.date) or _LONG_AGO
        # After every row that is not later: a row accepted late stays where history has it.
        place = max((n for n, one in enumerate(course.rows, 1) if _not_after(one, measured)), default=0)
        rows = (*course.rows[:place], row, *course.rows[place:])
        found[key] = msgspec.structs.replace(course, rows=rows)
    return tuple(found.values())


def fingerprint_of(slug: str) -> str:
    """Return the part of an environment's slug that tells it from all others."""
    return slug.rpartition("-")[2]


def moment(date: str) -> datetime | None:
    """Read an ISO 8601 date, in UTC where it names no zone; None when it is none."""
    try:
        read = datetime.fromisoformat(date)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def is_same(one: Measurement, other: Measurement) -> bool:
    """Claim that both are one measurement; name, reason and source may have been written anew."""
    return one is other or other == msgspec.structs.replace(
        one, name=other.name, reason=other.reason, fingerprint=other.fingerprint
    )


def _standing(snapshot: Snapshot) -> tuple[dict[str, _Standing], dict[str, str]]:
    rows: dict[str, _Standing] = {}
    slugs = {}
    for baseline in snapshot.baselines:
        slug = baseline.environment.slug
        environment = fingerprint_of(slug)
        slugs[environment] = slug
        rows.setdefault(environment, {}).update(
            (row.name, (row, baseline.date)) for row in baseline.benchmarks
        )
    return rows, slugs


def _moves(before: _Standing, after: _Standing) -> dict[str, str]:
    """Pair names that went with names that came."""
    gone = {name: before[name][0].fingerprint for name in before.keys() - after.keys()}
    come = {name: after[name][0].fingerprint for name in after.keys() - before.keys()}
    return {old: new for new, old in pair_moved(come, gone).items()}


def _continued(course: Course | None, row: Row, environment: str) -> Course:
    if course is None:
        return Course(name=row.measurement.name, environment=environment, rows=(row,))
    last = course.rows[-1]
    if not is_same(last.measurement, row.measurement):
        rows = (*course.rows, row)
    elif row.measurement.reason or row.measurement.fingerprint != last.measurement.fingerprint:
        rows = (*course.rows[:-1], msgspec.structs.replace(last, measurement=row.measurement))
    else:
        rows = course.rows
    return msgspec.structs.replace(course, rows=rows, environment=environment)


def _at_known_pace(entry: Reported, rows: Iterable[Row]) -> Row:
    """Work out how long the reference loop took: a report has only its ratio to that of the baseline."""
    if entry.change is None or entry.change <= -1 or not entry.baseline_ns:
        return entry.row
    for row in rows:
        of_baseline, own = row.measurement, entry.row.measurement
        if of_baseline.reference_ns and abs(of_baseline.q25_ns / entry.baseline_ns - 1) < 1e-4:
            reference = of_baseline.reference_ns * own.q25_ns / entry.baseline_ns / (1 + entry.change)
            if is_duration(reference):
                measurement = msgspec.structs.replace(own, reference_ns=reference)
                return msgspec.structs.replace(entry.row, measurement=measurement)
    return entry.row


def _not_after(row: Row, measured: datetime) -> bool:
    date = moment(row.date)
    return date is not None and date <= measured
