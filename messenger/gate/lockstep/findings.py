"""Findings: a duel as rows of a table."""

import statistics
from collections.abc import Sequence
from datetime import date

from ..accepted import Accepted, excuse
from ..circumstances import Circumstances
from ..comparison import Comparison, Status, worst_first
from ..git import Commit
from ..measurement import Measurement
from ..reports.units import percent, plural
from ..reports.words import VISIBLE_INSTRUCTIONS
from .duel import Bout, Duel
from .instructions import Count
from .judge import Finding, Judged, judge
from .plan import Mode
from .side import Trouble
from .student import quantile
from .trimmed import trim

_MODES = {
    Mode.FORKED: "the processes of a pair are forked from one, and share hash seed, memory layout and core.",
    Mode.ALIKE: "the processes of a pair are started alike, with one hash seed and one memory layout, for "
    "layout randomisation is off; they share the core.",
    Mode.SPAWNED: "the processes of a pair share hash seed and core; their memory layouts differ, so no "
    "change below 5 % counts.",
}
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
    counts = {count.name: count for count in duel.counts}
    judging = duel.counts_judge
    rows = [
        _timed(bout, judged[bout.name], counts.get(bout.name), judging, accepted, today)
        for bout in duel.bouts
    ]
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
    if duel.varying:
        pairs += (
            f", twice as many for {len(duel.varying)} that {'varies' if len(duel.varying) == 1 else 'vary'}"
        )
    lines = [
        f"Head: {_describe(duel.head)}. Base: {_describe(duel.base)}.",
        f"Measured side by side on {duel.environment} in {duel.seconds:.0f} s: {pairs}; " + _MODES[duel.mode],
        "Statistic: head / base, slice by slice, the median in a pair; Change is their 20 % trimmed mean "
        "over pairs, with its 95 % interval; Current is at the pace of Baseline.",
    ]
    if duel.bouts:
        visible = percent(_visible(duel) * 100).lstrip("+")
        lines.append(f"A slowdown of {visible} of a typical benchmark is seen 4 times in 5.")
    if duel.counts:
        lines.append(f"Instructions: of a call, in user mode, as counted by {duel.counting}.")
    return Circumstances(
        lines=(*lines, *_notes(duel)),
        commit=duel.head,
        date=duel.date,
        processes=duel.screening_pairs,
        environment=duel.environment,
        environment_match=True,
        side_by_side=True,
    )


def _notes(duel: Duel) -> list[str]:
    notes = []
    files, own = ", ".join(duel.changed_dependencies), ", ".join(duel.base_packages)
    if own:
        notes.append(f"Note: {files} changed; the base ran with its own {own}.")
    elif files:
        notes.append(f"Note: {files} changed; both sides ran with the packages that are installed here.")
    if not duel.base_collected:
        notes.append("Note: the base cannot collect its own benchmarks, so none of them can be missed.")
    return notes


def _timed(
    bout: Bout,
    judged: Judged,
    count: Count | None,
    counts_judge: bool,
    accepted: Sequence[Accepted],
    today: date,
) -> Comparison:
    status, note, change = _STATUS[judged.finding], "", judged.change
    if counts_judge and count and count.change >= bout.ratios.min_effect and status is not Status.REGRESSED:
        status, note, change = Status.REGRESSED, f"{percent(count.change * 100)} instructions", count.change
    elif status is Status.REGRESSED and count and count.change < VISIBLE_INSTRUCTIONS:
        note = "layout, memory or waiting"
    if status is Status.REGRESSED:
        status, excused = excuse(accepted, bout.name, change, today)
        note = excused or note
    return Comparison(
        name=bout.name,
        status=status,
        current=_measurement(bout.name, bout.head_seconds),
        baseline=_measurement(bout.name, bout.base_seconds),
        change=judged.change,
        interval=judged.interval,
        instructions=count.change if count else None,
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
        max_ns=max(nanoseconds),
        rounds=len(nanoseconds),
        processes=len(nanoseconds),
        samples_ns=tuple(nanoseconds),
    )


def _visible(duel: Duel) -> float:
    """Estimate the slowdown that as many fresh pairs as were screened find with probability .8.

    Half the benchmarks vary less than the one this is told of.  A confirmation has to exceed four sevenths of
    the least effect, with p <= .05.
    """
    trimmed = [trim(bout.ratios.screen) for bout in duel.bouts]
    least = statistics.median(bout.ratios.min_effect for bout in duel.bouts)
    typical = sorted(trimmed, key=lambda one: one.error)[len(trimmed) // 2]
    reach = quantile(0.95, typical.degrees) + quantile(0.8, typical.degrees)
    return max(least, least * 4 / 7 + reach * typical.error)


def _describe(commit: Commit) -> str:
    label = commit.label or "no commit"
    return f"{label} of {commit.date[:10]}" if commit.date else label
