"""Explain: why a verdict on a benchmark is what it is, in sentences."""

import shlex
from collections.abc import Iterator

from .comparison import TOLERANCE_LEAST, TOLERANCE_UNKNOWN, Status
from .lockstep.judge import Reasons, reasons
from .report import Report, Result
from .reports.units import percent, plural
from .reports.words import (
    STATUS,
    VISIBLE_INSTRUCTIONS,
    change_cell,
    instructions_cell,
    plain,
    target_cells,
    time_cell,
)

_MEANING = {
    Status.REGRESSED: "It got slower, and that fails the gate.",
    Status.MISSING: "It is known, and was not there to be measured. Vanishing would be a way past the gate.",
    Status.FAILED: "It could not be run, and what cannot be run cannot be judged.",
    Status.FAILED_TARGET: "It broke a promise of its own, whatever its baseline says.",
    Status.UNACCEPTED: "It got faster, and this project wants that written down: accept it.",
    Status.IMPROVED: "It got faster.",
    Status.ACCEPTED: "It got slower, and somebody has accepted that for a while.",
    Status.NEW: "There is nothing to compare it with yet.",
    Status.CHANGED: "Its function does something else than when its baseline was made, so the two times say "
    "nothing about each other.",
    Status.FAILED_IN_BASE: "The base could not run it, so there is nothing to compare it with.",
    Status.NOISY: "Its pairs differ so much that neither a slowdown nor its absence can be told.",
    Status.NOT_CONFIRMED: "It looked different at first, and fresh pairs did not show it again.",
    Status.SKIPPED: "It is marked to be left out, or its test skips itself.",
    Status.ADVISORY: "Only another environment has a baseline; its numbers are shown, and judge nothing.",
    Status.STABLE: "It did not change by more than noise explains.",
}


def explain(report: Report, result: Result) -> str:
    """Say why *result*, which is of *report*, has its status, and what to type next."""
    lines = [f"{plain(result.name)}: {STATUS[result.status]}", "", _MEANING[result.status]]
    if result.note:
        lines.append(f"Noted: {plain(result.note)}.")
    if report.side_by_side:
        lines += _side_by_side(report, result)
    else:
        lines += _against_baseline(report, result)
    lines += _targets(result)
    return "\n".join([*lines, "", *_next(report, result)]) + "\n"


def _against_baseline(report: Report, result: Result) -> Iterator[str]:
    if result.q25_ms is None:
        return
    yield (
        f"Measured: {time_cell(result.q25_ms)}, the first quartile of a process's rounds, then the median "
        f"over {plural(result.processes, 'process')}."
    )
    if result.baseline_q25_ms is None or result.change_percent is None:
        return
    made = f" by {plain(result.baseline_commit)}" if result.baseline_commit else ""
    yield f"Baseline: {time_cell(result.baseline_q25_ms)}, accepted{made}."
    if result.normalised and report.reference_ratio:
        yield (
            f"The reference loop took {report.reference_ratio:.2f}x as long as for the baseline; without "
            f"that it is {time_cell(result.shown_ms)}, a change of {percent(result.change_percent)}."
        )
    else:
        yield f"Change: {percent(result.change_percent)}, not normalised: the reference loop is not known."
    yield from _tolerance(result)


def _tolerance(result: Result) -> Iterator[str]:
    allowed = result.tolerance_percent
    if allowed is None:
        return
    if allowed == TOLERANCE_UNKNOWN * 100:
        why = "the baseline has fewer than 5 processes, so its spread is not known"
    elif allowed <= TOLERANCE_LEAST * 100:
        why = "4 standard deviations between its processes are less than 10 %, and 10 % is the least"
    else:
        why = "4 standard deviations between the baseline's processes, 60 % at most"
    yield f"Tolerance: {allowed:.0f} %; {why}."
    if result.status is Status.STABLE and (result.change_percent or 0) > allowed:
        yield "Its fastest process is within that, and neighbours on a machine only ever add time."


def _side_by_side(report: Report, result: Result) -> Iterator[str]:
    duel = report.duel
    bouts = {bout.name: bout.ratios for bout in duel.bouts} if duel else {}
    if result.name not in bouts:
        return
    ratios = bouts[result.name]
    why = reasons(bouts)[result.name]
    times = f"base {time_cell(result.baseline_q25_ms)}, head {time_cell(result.shown_ms)}"
    yield f"Side by side: {times}, {change_cell(result)}."
    yield (
        f"Screening: {plural(len(ratios.screen), 'pair')}, median {percent(why.screen_median * 100)}; that "
        f"it is more than {_least(why.screen_least)} has p = {_p(why.screen_p)}. Suspect is what has "
        f"{why.screen_alpha:g} or less, and a median of {_least(why.min_effect * 6 / 7)}."
    )
    yield from _confirmation(why, len(ratios.confirm))
    if result.instructions_percent is not None:
        yield f"Instructions: {instructions_cell(result)}{_meaning(result)}."


def _confirmation(why: Reasons, pairs: int) -> Iterator[str]:
    if why.confirm_p is None or why.confirm_median is None or why.confirm_alpha is None:
        yield (
            "It was no suspect, so no fresh pairs were measured."
            if not why.direction
            else ("It was a suspect, and no time was left for fresh pairs.")
        )
        return
    passes = "passes" if why.confirm_p <= why.confirm_alpha else "does not pass"
    yield (
        f"Confirmation: {plural(pairs, 'fresh pair')}, median {percent(why.confirm_median * 100)}; that it "
        f"is more than {_least(why.confirm_least or 0)} has p = {_p(why.confirm_p)}, which {passes} "
        f"{why.confirm_alpha:.3g}, Holm's share for it among the suspects. The median has to reach "
        f"{_least(why.min_effect)} as well."
    )


def _meaning(result: Result) -> str:
    if (result.instructions_percent or 0) >= VISIBLE_INSTRUCTIONS * 100:
        return ", so it does more"
    if result.status in (Status.REGRESSED, Status.ACCEPTED):
        return ", so the time goes to layout, memory or waiting"
    return ""


def _targets(result: Result) -> Iterator[str]:
    for target in result.targets:
        statistic, outcome = target_cells(target)
        value, promised = time_cell(target.value_ms), time_cell(target.target_ms)
        yield f"Promise: {plain(statistic)} {promised}; it is {value}, {outcome}."


def _next(report: Report, result: Result) -> Iterator[str]:
    yield f"Again:   {plain(report.commands.reproduce)}"
    if result.source:
        yield f"Code:    {plain(result.source.file)}:{result.source.line}"
    if result.status is Status.REGRESSED:
        base = f" --base {report.base[:12]}" if report.base else ""
        yield f"Closer:  messenger gate profile {shlex.quote(plain(result.name))}{base}"
    by_accepting = (Status.IMPROVED, Status.UNACCEPTED, Status.CHANGED, Status.NEW, Status.MISSING)
    if report.commands.accept and result.status in by_accepting:
        yield f"Accept:  {plain(report.commands.accept)}"


def _least(fraction: float) -> str:
    return percent(fraction * 100).lstrip("+")


def _p(value: float) -> str:
    return f"{value:.2g}" if value >= 1e-4 else "below 0.0001"
