"""Verdict: what a check comes to."""

import shlex
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

import msgspec

from .circumstances import Circumstances
from .comparison import Comparison, Status
from .lockstep.duel import Duel
from .reports.units import plural

_MUCH = 1.5
_PROCESSES_TO_TRUST = 3

_COMPARED = frozenset({Status.STABLE, Status.IMPROVED, Status.ACCEPTED, Status.NOISY, Status.NOT_CONFIRMED})
_PASSING_WORDS = {
    Status.IMPROVED: "improved",
    Status.ACCEPTED: "slower and accepted",
    Status.NOISY: "too noisy to tell",
    Status.NOT_CONFIRMED: "not confirmed",
    Status.NEW: "new",
    Status.CHANGED: "changed and not comparable",
    Status.FAILED_IN_BASE: "failed in the base",
    Status.SKIPPED: "skipped",
    Status.ADVISORY: "shown but not judged",
}


class Outcome(StrEnum):
    """The word a verdict starts with."""

    PASSED = "passed"
    FAILED = "failed"
    ADVISORY = "advisory"
    NOTHING_COMPARED = "nothing-compared"

    @property
    def word(self) -> str:
        """Return it as a verdict begins: in capitals, without hyphen."""
        return self.upper().replace("-", " ")


_EXIT_CODES = {Outcome.PASSED: 0, Outcome.FAILED: 1, Outcome.ADVISORY: 0, Outcome.NOTHING_COMPARED: 3}


class Commands(msgspec.Struct, frozen=True):
    """What to type next: to do the same again, to make this run the baseline, and to look closer."""

    reproduce: str
    accept: str
    closer: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a report says. `sentence` stands without the outcome; `warnings` are sentences.

    evidence: what was measured, where a report carries it so that it can be judged again.
    """

    outcome: Outcome
    exit_code: int
    sentence: str
    comparisons: tuple[Comparison, ...]
    warnings: tuple[str, ...]
    circumstances: Circumstances
    commands: Commands
    evidence: Duel | None = None

    @property
    def passed(self) -> bool:
        """Claim that nothing failed; a verdict that compared nothing has not passed."""
        return self.outcome in (Outcome.PASSED, Outcome.ADVISORY)


def judge(
    comparisons: Sequence[Comparison],
    circumstances: Circumstances,
    commands: Commands,
    *,
    require_verdict: bool = False,
    evidence: Duel | None = None,
) -> Verdict:
    """Judge the rows of a check.

    Exit codes: 0 passed or advisory, 1 something failed, 3 nothing could be compared. With
    *require_verdict* 3 also where only another environment's numbers were there to compare with.
    """
    outcome = _outcome(comparisons)
    exit_code = _EXIT_CODES[outcome]
    if outcome is Outcome.ADVISORY and require_verdict:
        exit_code = 3
    return Verdict(
        outcome=outcome,
        exit_code=exit_code,
        sentence=_sentence(outcome, comparisons, circumstances, commands),
        comparisons=tuple(comparisons),
        warnings=tuple(_warnings(comparisons, circumstances)),
        circumstances=circumstances,
        commands=_next(commands, comparisons),
        evidence=evidence,
    )


def _next(commands: Commands, rows: Sequence[Comparison]) -> Commands:
    """Accept what is missing, for nothing else makes such a check pass; look closer at what is worst."""
    missing = any(row.status is Status.MISSING for row in rows)
    pruning = " --prune" if missing and commands.accept.startswith("messenger") else ""
    slower = next((row.name for row in rows if row.status is Status.REGRESSED), None)
    closer = ["messenger", "gate", "explain", slower] if slower else []
    return Commands(commands.reproduce, commands.accept + pruning, shlex.join(closer))


def describe_failures(comparisons: Sequence[Comparison]) -> str:
    """Count failures as a clause: `1 of 52 benchmarks regressed, 2 missing`; empty when none failed."""
    count = Counter(row.status for row in comparisons)
    failures = {
        "regressed": count[Status.REGRESSED],
        "missing": count[Status.MISSING],
        "failed": count[Status.FAILED],
        "improved and not accepted": count[Status.UNACCEPTED],
        "missed a target": sum(bool(row.missed) for row in comparisons),
    }
    parts = [f"{number} {what}" for what, number in failures.items() if number]
    if parts:
        number, _, what = parts[0].partition(" ")
        parts[0] = f"{number} of {plural(len(comparisons), 'benchmark')} {what}"
    return ", ".join(parts)


def _outcome(comparisons: Sequence[Comparison]) -> Outcome:
    if any(row.failed for row in comparisons):
        return Outcome.FAILED
    statuses = {row.status for row in comparisons}
    if statuses & _COMPARED:
        return Outcome.PASSED
    return Outcome.ADVISORY if Status.ADVISORY in statuses else Outcome.NOTHING_COMPARED


def _sentence(
    outcome: Outcome, comparisons: Sequence[Comparison], circumstances: Circumstances, commands: Commands
) -> str:
    total = plural(len(comparisons), "benchmark")
    count = Counter(row.status for row in comparisons)
    if outcome is Outcome.FAILED:
        return f"{describe_failures(comparisons)}."
    if outcome is Outcome.ADVISORY:
        return (
            f"nothing was judged: {total} shown against another environment's baseline; "
            f"make a baseline here with: {commands.accept}"
        )
    if outcome is Outcome.NOTHING_COMPARED and comparisons and circumstances.side_by_side:
        return f"nothing could be compared: {_passing(count)}"
    if outcome is Outcome.NOTHING_COMPARED and count[Status.CHANGED]:
        return f"nothing could be compared: {_passing(count)}; make a baseline with: {commands.accept}"
    if outcome is Outcome.NOTHING_COMPARED and comparisons:
        return f"{total} without a baseline; make one with: {commands.accept}"
    if outcome is Outcome.NOTHING_COMPARED:
        return "no benchmark was selected, neither in this run nor in the baselines; check paths and patterns"
    compared = plural(sum(count[status] for status in _COMPARED), "benchmark")
    return ", ".join(filter(None, [f"{compared} compared, none regressed", _passing(count)])) + "."


def _passing(count: Counter[Status]) -> str:
    return ", ".join(f"{count[status]} {word}" for status, word in _PASSING_WORDS.items() if count[status])


def _warnings(rows: Sequence[Comparison], circumstances: Circumstances) -> list[str]:
    found = []
    stored = [row for row in rows if row.tolerance is not None and row.baseline is not None]
    unknown = sum(row.baseline is not None and row.baseline.spread is None for row in stored)
    if unknown:
        found.append(
            f"{plural(unknown, 'benchmark')} with a baseline of fewer than 5 processes: tolerance 25 %"
        )
    if any(not row.normalised for row in stored):
        found.append("not normalised: the reference loop's time is not known on both sides")
    slowdown = circumstances.slowdown
    if slowdown is not None and not 1 / _MUCH <= slowdown <= _MUCH:
        pace = f"{slowdown:.1f}x slower" if slowdown > 1 else f"{1 / slowdown:.1f}x faster"
        found.append(f"the machine was {pace} than when the baseline was made; normalisation is stretched")
    unconfirmed = sum(row.note.startswith("not confirmed") for row in rows)
    if unconfirmed:
        found.append(
            f"{plural(unconfirmed, 'benchmark')} looked slower at first; fresh processes did not confirm it"
        )
    if circumstances.processes < _PROCESSES_TO_TRUST and any(row.status is Status.REGRESSED for row in rows):
        found.append(
            f"{plural(circumstances.processes, 'process')} can be off by half; "
            "measure suspects again in fresh ones with: messenger gate check --measure 3 PATHS"
        )
    if circumstances.commit.dirty:
        found.append("measured with uncommitted changes")
    return found
