"""Comparison: a run held against baselines, benchmark by benchmark."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from .baseline import Baseline
from .measurement import Measurement, clear_change, relative_change
from .moved import does_something_else, find_moved
from .run import Run
from .selection import Selection, selects
from .suite import suite_of
from .target import Target

TOLERANCE_LEAST = 0.10
TOLERANCE_UNKNOWN = 0.25
# However noisy a row is, taking twice as long is never called stable.
TOLERANCE_MOST = 0.60
_SPREADS = 4
CHANGED_AND_SLOWER = "its body has changed too; if it does more now, accept it with --reason"


class Status(StrEnum):
    """What is said of a benchmark, worst first."""

    REGRESSED = "regressed"
    MISSING = "missing"
    FAILED = "failed"
    FAILED_TARGET = "failed-target"
    UNACCEPTED = "unaccepted"
    IMPROVED = "improved"
    ACCEPTED = "accepted"
    NEW = "new"
    CHANGED = "changed"
    FAILED_IN_BASE = "failed-in-base"
    NOISY = "noisy"
    NOT_CONFIRMED = "not-confirmed"
    SKIPPED = "skipped"
    ADVISORY = "advisory"
    STABLE = "stable"


FAILING = frozenset(
    {Status.REGRESSED, Status.MISSING, Status.FAILED, Status.FAILED_TARGET, Status.UNACCEPTED}
)


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """One benchmark. `change` and `tolerance` are fractions, 0.1 being 10 %; None where nothing is compared.

    `interval` holds the change with a confidence of 95 %, where pairs were measured side by side.
    `instructions` is the change of how many are executed, where they were counted.
    `formerly` is the name under which a moved benchmark is remembered. `normalised` claims that the reference
    loop was known on both sides. A regressed row can miss its targets too; its status stays regressed and
    `missed` tells the rest.
    """

    name: str
    status: Status
    current: Measurement | None = None
    baseline: Measurement | None = None
    change: float | None = None
    interval: tuple[float, float] | None = None
    instructions: float | None = None
    tolerance: float | None = None
    normalised: bool = False
    formerly: str = ""
    targets: tuple[Target, ...] = ()
    note: str = ""

    @property
    def failed(self) -> bool:
        """Claim that this row makes the verdict a failure."""
        return self.status in FAILING

    @property
    def missed(self) -> tuple[Target, ...]:
        """Return the targets that were not met."""
        return tuple(target for target in self.targets if not target.met)


def compare(
    run: Run,
    baselines: Sequence[Baseline],
    selection: Selection,
    moved: Mapping[str, str] | None = None,
) -> tuple[Comparison, ...]:
    """Compare what *selection* selects of *run* with *baselines*, one a suite; worst rows first.

    A baseline of another environment gives advisory rows: shown, never judged. What a baseline has and
    the run has not is missing whatever the environment, for that does not depend on the machine. A benchmark
    that has moved is held against its row under the old name, by *moved* where that is known already.
    """
    by_suite = {baseline.suite: baseline for baseline in baselines}
    remembered = {row.name: row for baseline in baselines for row in baseline.benchmarks}
    measured = {row.name: row for row in run.measurements if selects(selection, row.name)}
    wanted = {name: row for name, row in remembered.items() if selects(selection, name)}
    if moved is None:
        moved = find_moved(measured, wanted)
    rows = [
        Comparison(name=name, status=Status.MISSING, baseline=wanted[name])
        for name in wanted.keys() - measured.keys() - set(moved.values())
    ]
    for name, current in measured.items():
        before = moved.get(name, name)
        baseline = by_suite.get(suite_of(before))
        same = baseline is not None and baseline.environment.fingerprint == run.environment.fingerprint
        row = _compare_row(current, remembered.get(before), same, run.targets.get(name, ()))
        rows.append(row if before == name else msgspec.structs.replace(row, formerly=before))
    return tuple(sorted(rows, key=worst_first))


def require_acceptance(rows: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Let improvements fail until they are accepted, for what is not written down can be lost unnoticed."""
    note = "faster than its baseline; accept it, so that it stays so"
    strict = (
        msgspec.structs.replace(row, status=Status.UNACCEPTED, note=note)
        if row.status is Status.IMPROVED
        else row
        for row in rows
    )
    return tuple(sorted(strict, key=worst_first))


def suspects(comparisons: Sequence[Comparison], *, strict: bool = False) -> tuple[str, ...]:
    """Name the rows that deserve a second measurement before they fail; *strict*, improved ones fail, too."""
    doubtful = {Status.REGRESSED, Status.IMPROVED} if strict else {Status.REGRESSED}
    return tuple(row.name for row in comparisons if row.status in doubtful or row.missed)


def confirm(first: Sequence[Comparison], fresh: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Replace suspects by what fresh processes said of them: what fails on fresh data alone has failed."""
    again = {row.name: row for row in fresh}
    rows = [_confirm_row(row, again[row.name]) if row.name in again else row for row in first]
    return tuple(sorted(rows, key=worst_first))


def tolerance(baseline: Measurement) -> float:
    """Say what change of a row is noise: 4 spreads, between 10 % and 60 %; 25 % while that is unknown."""
    if baseline.spread is None:
        return TOLERANCE_UNKNOWN
    return min(max(TOLERANCE_LEAST, _SPREADS * baseline.spread), TOLERANCE_MOST)


def _compare_row(
    current: Measurement, baseline: Measurement | None, same: bool, targets: tuple[Target, ...]
) -> Comparison:
    status = _status(current, baseline, same)
    changed = same and does_something_else(current, baseline)
    note = CHANGED_AND_SLOWER if changed and status is Status.REGRESSED else ""
    if changed and status is not Status.REGRESSED:
        status = Status.CHANGED
    comparable = baseline if status is not Status.CHANGED else None
    change, normalised = relative_change(current, comparable) if comparable else (None, False)
    allowed = tolerance(comparable) if comparable else None
    if status is Status.STABLE and change is not None and allowed is not None and change > allowed:
        note = "its fastest process is within tolerance"
    if status is not Status.REGRESSED and any(not target.met for target in targets):
        status = Status.FAILED_TARGET
    return Comparison(
        name=current.name,
        status=status,
        current=current,
        baseline=baseline,
        change=change,
        tolerance=allowed,
        normalised=normalised,
        targets=targets,
        note=note,
    )


def _status(current: Measurement, baseline: Measurement | None, same: bool) -> Status:
    if baseline is None:
        return Status.NEW
    if not same:
        return Status.ADVISORY
    change, allowed = clear_change(current, baseline), tolerance(baseline)
    if change > allowed:
        return Status.REGRESSED
    # The mirror image: 25 % slower and back is 20 % faster.
    if change < -allowed / (1 + allowed):
        return Status.IMPROVED
    return Status.STABLE


def _confirm_row(first: Comparison, fresh: Comparison) -> Comparison:
    if fresh.status is Status.MISSING:
        return msgspec.structs.replace(first, note="could not be measured again")
    doubtful = first.status in (Status.REGRESSED, Status.IMPROVED)
    if doubtful and fresh.status in (Status.NEW, Status.CHANGED, Status.ADVISORY):
        return msgspec.structs.replace(first, note="could not be compared again")
    processes = fresh.current.processes if fresh.current else 0
    if fresh.failed or fresh.status is Status.IMPROVED is first.status:
        confirmed = f"confirmed by {processes} fresh processes"
        return msgspec.structs.replace(fresh, note="; ".join(filter(None, [fresh.note, confirmed])))
    status = Status.STABLE if doubtful else fresh.status
    return msgspec.structs.replace(fresh, status=status, note=f"not confirmed by {processes} fresh processes")


def worst_first(row: Comparison) -> tuple[int, float, str]:
    """Order rows for reading: by status, then by the size of the change."""
    order = list(Status).index(row.status)
    size = -abs(row.change or 0.0) if row.status in (Status.REGRESSED, Status.IMPROVED) else 0.0
    return order, size, row.name
