"""Accept: a run becomes the baseline, row by row, losing none that was not asked to go."""

from collections.abc import Iterable, Sequence

import msgspec

from .baseline import Baseline
from .comparison import CHANGED_AND_SLOWER, Comparison, Status
from .error import GateError
from .measurement import PROCESSES_FOR_SPREAD, Measurement, relative_change, rounded
from .moved import find_moved
from .run import Run
from .selection import Selection, matches_any, selects
from .suite import suite_of


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to one row: added, changed, moved (from another name), kept (the run lacks it) or pruned.

    before: the name that a moved row had.
    """

    kind: str
    name: str
    before: str = ""
    old: Measurement | None = None
    new: Measurement | None = None

    @property
    def change(self) -> float | None:
        """Return the normalised relative change of a changed row."""
        return relative_change(self.new, self.old)[0] if self.old and self.new else None


class Reason(msgspec.Struct, frozen=True):
    """Why the rows whose names contain *pattern* are accepted."""

    pattern: str
    text: str


def read_reason(text: str) -> Reason:
    """Read `PATTERN=WHY`, or `WHY` alone, which is about every row.

    >>> read_reason("bench_parse=checks UTF-8 now").pattern, read_reason("newer compiler").pattern
    ('bench_parse', '*')

    Raises:
        GateError: nothing is said.
    """
    pattern, equals, why = text.partition("=")
    reason = Reason(pattern.strip(), why.strip()) if equals else Reason("*", text.strip())
    if not reason.pattern or not reason.text:
        raise GateError(f"--reason {text!r} says nothing; write --reason 'WHY' or --reason 'PATTERN=WHY'")
    return reason


class Acceptance(msgspec.Struct, frozen=True):
    """The baselines to write, and what that changes; `warnings` are sentences."""

    baselines: tuple[Baseline, ...]
    changes: tuple[Change, ...]
    warnings: tuple[str, ...]


def accept(
    run: Run,
    stored: Sequence[Baseline],
    selection: Selection,
    *,
    prune: bool = False,
    reasons: Sequence[Reason] = (),
) -> Acceptance:
    """Merge *run* into the baselines of its own environment among *stored*.

    With *prune*, rows that *selection* selects and the run lacks are dropped. A row that has only moved takes
    the place of the one it was. Of several *reasons* that fit a row the last one is written into it.
    """
    mine = {b.suite: b for b in stored if b.environment.fingerprint == run.environment.fingerprint}
    before = {row.name: row for baseline in mine.values() for row in baseline.benchmarks}
    homes = {row.name: baseline.suite for baseline in mine.values() for row in baseline.benchmarks}
    fresh = {row.name: _reasoned(rounded(row), reasons) for row in run.measurements}
    _refuse_idle(reasons, fresh)
    changes = _changes(before, fresh, selection, prune)
    by_suite: dict[str, list[Change]] = {}
    for change in changes:
        by_suite.setdefault(homes.get(change.name) or suite_of(change.name), []).append(change)
    touched = {suite for suite, some in by_suite.items() if any(change.kind != "kept" for change in some)}
    touched |= {homes[change.before] for change in changes if change.before}
    baselines = [_baseline(run, suite, by_suite.get(suite, [])) for suite in sorted(touched)]
    asked = {homes[name] for name in before if selects(selection, name)} | touched
    shown = tuple(change for suite in sorted(asked) for change in by_suite.get(suite, ()))
    return Acceptance(tuple(baselines), shown, tuple(_warnings(run)))


def regressions(checked: Sequence[Comparison], reasons: Sequence[Reason] = ()) -> str:
    """List what a run may not bring into the baseline in silence, a line a benchmark; empty when nothing.

    What does something else now may be slower, if one of *reasons* says why.
    """
    slower = [
        row
        for row in checked
        if row.status is Status.REGRESSED
        and row.change is not None
        and not (row.note.startswith(CHANGED_AND_SLOWER) and _reason_for(row.name, reasons))
    ]
    return "\n".join(
        f"  {row.name}: {(row.change or 0) * 100:+.1f} %{f' ({row.note})' if row.note else ''}"
        for row in slower
    )


def _changes(
    before: dict[str, Measurement], fresh: dict[str, Measurement], selection: Selection, prune: bool
) -> list[Change]:
    # What the run did not set out to measure has not gone anywhere.
    moved = find_moved(fresh, {name: row for name, row in before.items() if selects(selection, name)})
    left = set(moved.values()) - fresh.keys()
    changes = []
    for name in sorted((before.keys() | fresh.keys()) - left):
        old, new = before.get(moved.get(name, name)), fresh.get(name)
        if new is None:
            kind = "pruned" if prune and selects(selection, name) else "kept"
        elif name in moved:
            kind = "moved"
        else:
            kind = "changed" if old else "added"
        changes.append(Change(kind=kind, name=name, before=moved.get(name, ""), old=old, new=new))
    return changes


def _reasoned(row: Measurement, reasons: Sequence[Reason]) -> Measurement:
    return msgspec.structs.replace(row, reason=_reason_for(row.name, reasons))


def _reason_for(name: str, reasons: Sequence[Reason]) -> str | None:
    fitting = [reason.text for reason in reasons if matches_any([reason.pattern], name)]
    return fitting[-1] if fitting else None


def _refuse_idle(reasons: Sequence[Reason], names: Iterable[str]) -> None:
    """Refuse a reason that is about nothing: it was meant to be written somewhere."""
    known = list(names)
    for reason in reasons:
        if known and not any(matches_any([reason.pattern], name) for name in known):
            raise GateError(
                f"--reason: no measured benchmark's name contains {reason.pattern!r}; write --reason "
                f"'PATTERN=WHY', and '*=WHY' for all where WHY holds an equals sign"
            )


def _baseline(run: Run, suite: str, changes: Sequence[Change]) -> Baseline:
    rows = [change.new or change.old for change in changes if change.kind != "pruned"]
    return Baseline(
        suite=suite,
        environment=run.environment,
        commit=run.commit.label,
        date=run.date,
        reference_ns=None if run.reference_ns is None else round(run.reference_ns),
        benchmarks=tuple(row for row in rows if row is not None),
    )


def _warnings(run: Run) -> list[str]:
    found = []
    fewest = min((row.processes for row in run.measurements), default=PROCESSES_FOR_SPREAD)
    if fewest < PROCESSES_FOR_SPREAD:
        found.append(
            f"measured in fewer than {PROCESSES_FOR_SPREAD} processes ({fewest}): the spread is unknown and "
            "the tolerance of these rows is 25 %; accept --measure 5 narrows it"
        )
    if run.reference_ns is None:
        found.append("the reference loop's time is unknown (written without our plugin): not normalised")
    if run.commit.dirty:
        found.append("measured with uncommitted changes")
    return found
