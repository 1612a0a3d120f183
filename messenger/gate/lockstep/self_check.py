"""Self-check: the gate judges code whose speed is known, and is judged by what it says."""

import math
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

from ..error import GateError
from ..machine import capture
from ..progress import hide_progress, show_progress
from ..settings import Settings
from . import sample
from .compare import compare_commits
from .duel import Duel
from .judge import Finding, judge
from .order import Order

SLOWDOWNS = (0.05, 0.10)
_PER_SLOWDOWN = 2

_BURN = """
import random, time
while True:
    until = time.monotonic() + random.uniform(0.05, 1)
    while time.monotonic() < until:
        pass
    time.sleep(random.uniform(0.05, 1))
"""


class Outcome(msgspec.Struct, frozen=True):
    """What the gate said of one benchmark whose true change is known; both changes are fractions."""

    truth: float
    finding: Finding
    change: float


class Check(msgspec.Struct, frozen=True):
    """One comparison of two commits. harmless: nothing had changed that takes time."""

    harmless: bool
    seconds: float
    outcomes: tuple[Outcome, ...]

    @property
    def red(self) -> bool:
        """Claim that a benchmark was called regressed."""
        return any(outcome.finding is Finding.REGRESSED for outcome in self.outcomes)


class Summary(msgspec.Struct, frozen=True):
    """What many checks come to."""

    checks: tuple[Check, ...]
    environment: str
    burning: bool

    @property
    def false_alarms(self) -> int:
        """Count the checks of harmless edits that were red."""
        return sum(check.red for check in self.checks if check.harmless)


def self_check(
    pairs: int | None,
    minutes: float | None,
    *,
    burning: bool,
    spawning: bool = False,
    keep: Path | None = None,
) -> Summary:
    """Compare *pairs* of commits, or as many as *minutes* allow, two at least; three of four are harmless.

    In the others two of eight functions are 5 % slower and two 10 %.  With *burning*, as many processes as
    there are cores use them up at random meanwhile; with *spawning*, sides are started, not forked.  The file
    *keep* gets a line a comparison; those that it holds already are counted too, so that hours of measuring
    survive an interruption.

    Raises:
        GateError: a side cannot be measured here, or *keep* holds something else.
    """
    ends = monotonic() + (minutes or math.inf) * 60
    chance = random.Random()
    checks = _kept(keep) if keep else []
    with tempfile.TemporaryDirectory(prefix="messenger-gate-") as folder, _burner(burning):
        root = Path(folder, "shop")
        sample.create(root)
        with show_progress("self-check", unit="comparison") as progress:
            while len(checks) < (pairs or math.inf) and (len(checks) < 2 or _fits(checks, ends)):
                progress.start(len(checks) + 1, pairs or len(checks) + 1)
                truth = _choose(chance) if len(checks) % 4 == 1 else {}
                duel = _compare(root, truth, chance.choice(sample.HARMLESS), spawning=spawning)
                checks.append(_outcomes(duel, truth))
                if keep:
                    _append(keep, checks[-1])
                progress.finish()
    return Summary(tuple(checks), capture(()).slug, burning)


def _kept(keep: Path) -> list[Check]:
    try:
        lines = keep.read_bytes().splitlines() if keep.exists() else []
        return [msgspec.json.decode(line, type=Check) for line in lines]
    except (OSError, msgspec.DecodeError) as error:
        raise GateError(f"cannot go on from {keep}: {error}; name another file") from error


def _append(keep: Path, check: Check) -> None:
    with keep.open("ab") as file:
        file.write(msgspec.json.encode(check) + b"\n")


def wilson(hits: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of a rate, 0 to 1.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference" (1927).

    >>> [round(bound, 3) for bound in wilson(0, 100)]
    [0.0, 0.037]
    """
    if not total:
        return 0.0, 1.0
    z = 1.959964
    rate, weight = hits / total, z * z / total
    middle = (rate + weight / 2) / (1 + weight)
    reach = z / (1 + weight) * math.sqrt(rate * (1 - rate) / total + weight / (4 * total))
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def render(summary: Summary) -> str:
    """Write *summary* as markdown."""
    checks = summary.checks
    harmless = [check for check in checks if check.harmless]
    slowed = [outcome for check in checks if not check.harmless for outcome in check.outcomes]
    untouched = [outcome for outcome in slowed if not outcome.truth]
    lines = [
        "# What the gate says of code whose speed is known",
        "",
        f"{len(checks)} comparisons of two commits with eight benchmarks, on {summary.environment}"
        + (", while a CPU burner toggled at random on every core." if summary.burning else "."),
        "Every head has an edit that takes no time: a comment, an unused function, docstrings, or renamed "
        "variables.",
        "In one of four, two functions do 5 % more work besides, and two 10 %.",
        "",
        "| what | seen | rate | 95 % interval |",
        "|---|---:|---:|---:|",
        _row("harmless edits called red", _hits(harmless, lambda check: check.red)),
        _row("untouched benchmarks beside slowed ones called regressed", _hits(untouched, _regressed)),
    ]
    for truth in SLOWDOWNS:
        found = [outcome for outcome in slowed if outcome.truth == truth]
        lines.append(_row(f"slowdowns of {truth:.0%} named", _hits(found, _regressed)))
    return "\n".join([*lines, "", *_precision(checks)]) + "\n"


def _precision(checks: Sequence[Check]) -> list[str]:
    errors = sorted(
        abs(outcome.change - outcome.truth) * 100 for check in checks for outcome in check.outcomes
    )
    lines = [
        f"The reported change was off by {statistics.median(errors):.2f} percentage points in the median, "
        f"{errors[int(0.95 * (len(errors) - 1))]:.2f} at the 95th percentile."
    ]
    for colour, wanted in (("green", False), ("red", True)):
        seconds = [check.seconds for check in checks if check.red is wanted]
        if seconds:
            lines.append(f"A {colour} comparison took {statistics.median(seconds):.0f} s in the median.")
    return lines


def _compare(root: Path, truth: dict[str, float], edit: str, *, spawning: bool) -> Duel:
    sample.write(root, {})
    sample.commit(root)
    sample.write(root, truth, edit)
    sample.commit(root)
    order = Order(ref="HEAD~1", paths=("tests",), spawn=spawning)
    return compare_commits(order, Settings(), root, hide_progress)


def _outcomes(duel: Duel, truth: dict[str, float]) -> Check:
    judged = judge({bout.name: bout.ratios for bout in duel.bouts})
    outcomes = []
    for name in sample.NAMES:
        found = judged.get(sample.benchmark_name(name))
        if found is not None:
            outcomes.append(Outcome(truth.get(name, 0.0), found.finding, found.change))
    return Check(not truth, duel.seconds, tuple(outcomes))


def _choose(chance: random.Random) -> dict[str, float]:
    names = chance.sample(sample.NAMES, _PER_SLOWDOWN * len(SLOWDOWNS))
    return {name: SLOWDOWNS[number // _PER_SLOWDOWN] for number, name in enumerate(names)}


def _fits(checks: Sequence[Check], ends: float) -> bool:
    return monotonic() + max(check.seconds for check in checks[-2:]) < ends


def _regressed(outcome: Outcome) -> bool:
    return outcome.finding is Finding.REGRESSED


def _hits(items: Sequence[Any], hit: Callable[[Any], bool]) -> tuple[int, int]:
    return sum(map(hit, items)), len(items)


def _row(what: str, hits: tuple[int, int]) -> str:
    seen, total = hits
    low, high = wilson(seen, total)
    rate = f"{seen / total:.1%}" if total else "-"
    return f"| {what} | {seen} of {total} | {rate} | {low:.1%} to {high:.1%} |"


@contextmanager
def _burner(burning: bool) -> Iterator[None]:
    cores = (capture(()).cores or 1) if burning else 0
    burners = [subprocess.Popen([sys.executable, "-c", _BURN]) for _ in range(cores)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
