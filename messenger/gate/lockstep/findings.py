"""Findings: a duel as rows of a table."""

import statistics
from collections.abc import Sequence
from datetime import date

from ..accepted import Accepted, find_accepted
from ..circumstances import Circumstances
from ..comparison import Comparison, Status, worst_first
from ..git import Commit
from ..measurement import Measurement
from ..reports.units import percent, plural
from .duel import Bout, Duel
from .judge import MIN_EFFECT, Finding, Judged, judge
from .pair import Trouble
from .student import quantile
from .trimmed import trim

_STATUS = {
    Finding.REGRESSED: Status.REGRESSED,
    Finding.IMPROVED: Status.IMPROVED,
    Finding.NOT_CONFIRMED: Status.NOT_CONFIRMED,
    Finding.NOISY: Status.NOISY,
    Finding.STABLE: Status.STABLE,
}


def rows_of(duel: Duel, accepted: Sequence[Accepted], today: date) -> tuple[Comparison, ...]:
    """Judge *duel* and write a row for each benchmark, worst first; *today* tells what has expired."""
    judged = judge({bout.name: bout.ratios for bout in duel.bouts})
    rows = [_timed(bout, judged[bout.name], accepted, today) for bout in duel.bouts]
    rows += [Comparison(name=name, status=Status.MISSING) for name in duel.missing]
    rows += [Comparison(name=name, status=Status.NEW) for name in duel.new]
    rows += [Comparison(name=name, status=Status.SKIPPED, note="marked so") for name in duel.skipped]
    known = {row.name for row in rows}
    rows += [_untimed(trouble) for trouble in duel.troubles if trouble.name not in known]
    return tuple(sorted(rows, key=worst_first))


def circumstances_of(duel: Duel) -> Circumstances:
    """Say which two commits were compared, how, and what the comparison could have seen."""
    pairs = f"{plural(duel.screening_pairs, 'pair')} for all"
    if duel.confirming_pairs:
        pairs += f", {duel.confirming_pairs} fresh ones for suspects"
    lines = [
        f"Head: {_describe(duel.head)}. Base: {_describe(duel.base)}.",
        f"Measured side by side on {duel.environment} in {duel.seconds:.0f} s: {pairs}; the processes of a "
        "pair are forked from one, and share hash seed, memory layout and core.",
        "Statistic: head / base, slice by slice, the median in a pair; Change is their 20 % trimmed mean "
        "over pairs, with its 95 % interval; Current is at the pace of Baseline.",
    ]
    if duel.bouts:
        visible = percent(_visible(duel.bouts))
        lines.append(f"A slowdown of {visible} of a typical benchmark is seen 4 times in 5.")
    if duel.changed_dependencies:
        files = ", ".join(duel.changed_dependencies)
        lines.append(f"Note: {files} changed; both sides ran with the packages that are installed here.")
    return Circumstances(
        lines=tuple(lines),
        commit=duel.head,
        date=duel.date,
        processes=duel.screening_pairs,
        environment=duel.environment,
        environment_match=True,
        side_by_side=True,
    )


def _timed(bout: Bout, judged: Judged, accepted: Sequence[Accepted], today: date) -> Comparison:
    status, note = _STATUS[judged.finding], ""
    if status is Status.REGRESSED and (found := find_accepted(accepted, bout.name)):
        if today > found.until:
            note = f"its acceptance ended on {found.until}"
        elif judged.change > found.percent / 100:
            note = f"{found.percent:g} % were accepted"
        else:
            status, note = Status.ACCEPTED, f"{found.reason}; until {found.until}"
    return Comparison(
        name=bout.name,
        status=status,
        current=_measurement(bout.name, bout.head_seconds),
        baseline=_measurement(bout.name, bout.base_seconds),
        change=judged.change,
        interval=judged.interval,
        note=note,
    )


def _untimed(trouble: Trouble) -> Comparison:
    if trouble.outcome == "skipped":
        return Comparison(name=trouble.name, status=Status.SKIPPED)
    lines = [line for line in trouble.text.splitlines() if line.strip()]
    errors = [line[2:].strip() for line in lines if line.startswith("E  ")]
    said = (errors or [line.strip() for line in lines[-1:]] or ["it printed nothing"])[0]
    status = Status.FAILED if trouble.side == "head" else Status.FAILED_IN_BASE
    return Comparison(
        name=trouble.name, status=status, note=f"{trouble.outcome} in {trouble.side}: {said:.200}"
    )


def _measurement(name: str, seconds: Sequence[float]) -> Measurement:
    """Describe one side over all pairs; a pair gives one value, its median slice."""
    nanoseconds = [value * 1e9 for value in seconds]
    return Measurement(
        name=name,
        q25_ns=statistics.median(nanoseconds),
        median_ns=statistics.median(nanoseconds),
        mean_ns=statistics.fmean(nanoseconds),
        stddev_ns=statistics.stdev(nanoseconds) if len(nanoseconds) > 1 else 0.0,
        min_ns=min(nanoseconds),
        rounds=len(nanoseconds),
        processes=len(nanoseconds),
    )


def _visible(bouts: Sequence[Bout]) -> float:
    """Estimate the slowdown that a confirmation of 10 pairs finds with probability .8.

    Half the benchmarks here vary less than the one this is told of.  The two quantiles are those of t with 5
    degrees of freedom at .95 and .8, the 2 % those a confirmation has to exceed.
    """
    errors = [trim(bout.ratios.screen).error for bout in bouts if len(bout.ratios.screen) > 1]
    if not errors:
        return MIN_EFFECT
    reach = quantile(0.95, 5) + quantile(0.8, 5)
    return max(MIN_EFFECT, MIN_EFFECT * 4 / 7 + reach * statistics.median(errors))


def _describe(commit: Commit) -> str:
    label = commit.label or "no commit"
    return f"{label} of {commit.date[:10]}" if commit.date else label
