"""Words: the sentences and cells that every report for people says alike."""

import os.path
from collections.abc import Iterable

from ..comparison import TOLERANCE_LEAST, Status
from ..report import Promise, Report, Result
from ..verdict import Outcome
from .units import duration, percent, times_better

VISIBLE_INSTRUCTIONS = 0.006
STATUS = {
    Status.REGRESSED: "✗ Regressed",
    Status.MISSING: "✗ Missing",
    Status.FAILED: "✗ Failed",
    Status.FAILED_TARGET: "✗ Failed target",
    Status.UNACCEPTED: "✗ Improved, not accepted",
    Status.IMPROVED: "✓ Improved",
    Status.ACCEPTED: "~ Slower, accepted",
    Status.FAILED_IN_BASE: "~ Failed in base",
    Status.NOISY: "~ Too noisy to tell",
    Status.NOT_CONFIRMED: "✓ Not confirmed",
    Status.SKIPPED: "~ Skipped",
    Status.NEW: "+ New",
    Status.CHANGED: "~ Changed, not comparable",
    Status.ADVISORY: "~ Advisory",
    Status.STABLE: "✓ Stable",
}


def headline(report: Report) -> str:
    """Write the verdict as one line, such as `FAILED: 1 of 52 benchmarks regressed`."""
    return f"{report.verdict.word}: {report.sentence}"


def summary(report: Report) -> str:
    """Write the sentence alone, its first letter a capital; what needs no word to be understood gets none."""
    if report.verdict in (Outcome.ADVISORY, Outcome.NOTHING_COMPARED):
        return f"{report.verdict.word.capitalize()}: {report.sentence}"
    return report.sentence[:1].upper() + report.sentence[1:]


def circumstances(report: Report) -> list[str]:
    """Say what was compared with what, where and how: a few sentences, the last ones warnings."""
    return [*report.lines, *(f"Note: {warning}." for warning in report.warnings)]


def status_cell(row: Result) -> str:
    """Write status, a missed target beside another status, and the row's note."""
    text = STATUS[row.status]
    if row.missed and row.status is not Status.FAILED_TARGET:
        text += ", failed target"
    told = [f"was {row.formerly}"] if row.formerly else []
    told += [row.note] if row.note else []
    tolerance = row.tolerance_percent
    if tolerance is not None and tolerance > TOLERANCE_LEAST * 100 and row.status is not Status.ADVISORY:
        told.append(f"tolerance {tolerance:.0f} %")
    return f"{text} ({'; '.join(told)})" if told else text


def promise_clause(promise: Promise) -> str:
    """Write what was measured of what was promised: `p99 4 ms, target 50 ms, 12x better`."""
    statistic, outcome = target_cells(promise)
    return f"{statistic} {time_cell(promise.value_ms)}, target {time_cell(promise.target_ms)}, {outcome}"


def time_cell(milliseconds: float | None) -> str:
    """Write a time in the unit that reads best."""
    return duration(None if milliseconds is None else milliseconds * 1e6)


def change_cell(row: Result) -> str:
    """Write the change, with its interval where there is one: `+13.2 % [+11.4, +15.2]`."""
    if row.interval_percent is None:
        return percent(row.change_percent)
    low, high = (f"{bound:+.1f}" for bound in row.interval_percent)
    return f"{percent(row.change_percent)} [{low}, {high}]"


def instructions_cell(row: Result) -> str:
    """Write how many more instructions are executed; less than 0.6 % is the interpreter's own doing."""
    more = row.instructions_percent
    if more is None:
        return ""
    return percent(more) if abs(more) >= VISIBLE_INSTRUCTIONS * 100 else "same"


def failure(row: Result) -> str:
    """Say in one line why a row fails, or what else there is to say of it.

    The likeliest: `slowed down 1.50x: 450 ns -> 675 ns, tolerance 10 %`.

    >>> failure(Result(name="a", status=Status.MISSING))
    'vanished: the baseline knows it, and the run does not'
    """
    said = {
        Status.REGRESSED: _slowdown(row),
        Status.MISSING: "vanished: the baseline knows it, and the run does not",
        Status.FAILED: "failed",
        Status.UNACCEPTED: f"got faster, and nobody has accepted it ({change_cell(row)})",
    }.get(row.status)
    missed = [f"missed its target: {promise_clause(promise)}" for promise in row.missed]
    return "; ".join(filter(None, [said, *missed, row.note])) or status_cell(row)


def _slowdown(row: Result) -> str:
    ratio = 1 + (row.change_percent or 0.0) / 100
    text = f"slowed down {ratio:.2f}x: {time_cell(row.baseline_q25_ms)} -> {time_cell(row.shown_ms)}"
    if row.interval_percent is not None:
        return f"{text}, {change_cell(row)}"
    return text if row.tolerance_percent is None else f"{text}, tolerance {row.tolerance_percent:.0f} %"


def plain(text: str) -> str:
    """Keep *text* on one line, its control characters visible."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def target_cells(promise: Promise) -> tuple[str, str]:
    """Write what was promised of which statistic, and how the value stands to it."""
    return promise.statistic, times_better(promise.value_ms, promise.target_ms)


def shorten(names: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Return the folder that all *names* stand in, and the names without it; a single name keeps its file."""
    everything = list(names)
    folders = [name.partition("::")[0].rpartition("/")[0] for name in everything]
    common = os.path.commonpath(folders) if folders and all(folders) else ""  # none begins with a slash
    prefix = f"{common}/" if common and all(name.startswith(f"{common}/") for name in everything) else ""
    return prefix, {name: name[len(prefix) :] for name in everything}
