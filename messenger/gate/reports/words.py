"""Words: the sentences and cells that every report for people says alike."""

import os.path
from collections.abc import Iterable

from ..comparison import TOLERANCE_LEAST, Comparison, Status
from ..target import Target
from ..verdict import Outcome, Verdict
from .units import percent, times_better

VISIBLE_INSTRUCTIONS = 0.006
STATUS = {
    Status.REGRESSED: "✗ Regressed",
    Status.MISSING: "✗ Missing",
    Status.FAILED: "✗ Failed",
    Status.FAILED_TARGET: "✗ Failed target",
    Status.IMPROVED: "✓ Improved",
    Status.ACCEPTED: "~ Slower, accepted",
    Status.FAILED_IN_BASE: "~ Failed in base",
    Status.NOISY: "~ Too noisy to tell",
    Status.NOT_CONFIRMED: "✓ Not confirmed",
    Status.SKIPPED: "~ Skipped",
    Status.NEW: "+ New",
    Status.ADVISORY: "~ Advisory",
    Status.STABLE: "✓ Stable",
}


def headline(verdict: Verdict) -> str:
    """Write the verdict as one line, such as `FAILED: 1 of 52 benchmarks regressed`."""
    return f"{verdict.outcome}: {verdict.sentence}"


def summary(verdict: Verdict) -> str:
    """Write the sentence alone, its first letter a capital; what needs no word to be understood gets none."""
    if verdict.outcome in (Outcome.ADVISORY, Outcome.NOTHING_COMPARED):
        return f"{verdict.outcome.capitalize()}: {verdict.sentence}"
    return verdict.sentence[:1].upper() + verdict.sentence[1:]


def circumstances(verdict: Verdict) -> list[str]:
    """Say what was compared with what, where and how: a few sentences, the last ones warnings."""
    return [*verdict.circumstances.lines, *(f"Note: {warning}." for warning in verdict.warnings)]


def status_cell(row: Comparison) -> str:
    """Write status, a missed target beside another status, and the row's note."""
    text = STATUS[row.status]
    if row.missed and row.status is not Status.FAILED_TARGET:
        text += ", failed target"
    told = [row.note] if row.note else []
    if row.tolerance is not None and row.tolerance > TOLERANCE_LEAST and row.status is not Status.ADVISORY:
        told.append(f"tolerance {row.tolerance:.0%}".replace("%", " %"))
    return f"{text} ({'; '.join(told)})" if told else text


def change_cell(row: Comparison) -> str:
    """Write the change, with its interval where there is one: `+13.2 % [+11.4, +15.2]`."""
    if row.interval is None:
        return percent(row.change)
    low, high = (f"{bound * 100:+.1f}" for bound in row.interval)
    return f"{percent(row.change)} [{low}, {high}]"


def instructions_cell(row: Comparison) -> str:
    """Write how many more instructions are executed; less than 0.6 % is the interpreter's own doing."""
    if row.instructions is None:
        return ""
    return percent(row.instructions) if abs(row.instructions) >= VISIBLE_INSTRUCTIONS else "same"


def plain(text: str) -> str:
    """Keep *text* on one line, its control characters visible."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def target_cells(target: Target) -> tuple[str, str]:
    """Write what was promised of which statistic, and how the value stands to it."""
    return target.statistic, times_better(target.value_seconds, target.target_seconds)


def shorten(names: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Return the folder that all *names* stand in, and the names without it; a single name keeps its file."""
    everything = list(names)
    folders = [name.partition("::")[0].rpartition("/")[0] for name in everything]
    common = os.path.commonpath(folders) if folders and all(folders) else ""
    prefix = f"{common}/" if common and all(name.startswith(f"{common}/") for name in everything) else ""
    return prefix, {name: name[len(prefix) :] for name in everything}
