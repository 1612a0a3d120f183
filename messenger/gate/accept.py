"""Accept: a run becomes the baseline, row by row, losing none that was not asked to go."""

from collections.abc import Sequence

import msgspec

from .baseline import Baseline
from .measurement import PROCESSES_FOR_SPREAD, Measurement, relative_change, rounded
from .run import Run
from .selection import Selection, selects
from .suite import suite_of


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to one row: added, changed, kept (the run lacks it) or pruned."""

    kind: str
    name: str
    old: Measurement | None = None
    new: Measurement | None = None

    @property
    def change(self) -> float | None:
        """Return the normalised relative change of a changed row."""
        return relative_change(self.new, self.old)[0] if self.old and self.new else None


class Acceptance(msgspec.Struct, frozen=True):
    """The baselines to write, and what that changes; `warnings` are sentences."""

    baselines: tuple[Baseline, ...]
    changes: tuple[Change, ...]
    warnings: tuple[str, ...]


def accept(run: Run, stored: Sequence[Baseline], selection: Selection, *, prune: bool = False) -> Acceptance:
    """Merge *run* into the baselines of its own environment among *stored*.

    With *prune*, rows that *selection* selects and the run lacks are dropped.
    """
    mine = {b.suite: b for b in stored if b.environment.fingerprint == run.environment.fingerprint}
    fresh: dict[str, dict[str, Measurement]] = {}
    for row in run.measurements:
        fresh.setdefault(suite_of(row.name), {})[row.name] = rounded(row)
    baselines = []
    changes: list[Change] = []
    asked = {suite for suite, b in mine.items() if any(selects(selection, row.name) for row in b.benchmarks)}
    for suite in sorted(asked | fresh.keys()):
        before = {row.name: row for row in mine[suite].benchmarks} if suite in mine else {}
        happened = _changes(before, fresh.get(suite, {}), selection, prune)
        changes.extend(happened)
        if any(change.kind != "kept" for change in happened):
            baselines.append(_baseline(run, suite, happened))
    return Acceptance(tuple(baselines), tuple(changes), tuple(_warnings(run)))


def _changes(
    before: dict[str, Measurement], fresh: dict[str, Measurement], selection: Selection, prune: bool
) -> list[Change]:
    changes = []
    for name in sorted(before.keys() | fresh.keys()):
        old, new = before.get(name), fresh.get(name)
        if new is not None:
            kind = "changed" if old else "added"
        else:
            kind = "pruned" if prune and selects(selection, name) else "kept"
        changes.append(Change(kind=kind, name=name, old=old, new=new))
    return changes


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
