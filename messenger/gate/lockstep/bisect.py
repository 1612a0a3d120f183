"""Bisect: which commit made a benchmark slower, each step measured side by side with the good one."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from ..error import GateError
from ..git import first_parents, is_ancestor
from ..progress import hide_progress
from ..settings import Settings
from .compare import compare_commits
from .judge import Finding, Judged, judge
from .order import Order


class Step(msgspec.Struct, frozen=True):
    """A commit held against another; judged is None where that could not be measured, for *trouble*."""

    sha: str
    against: str
    judged: Judged | None
    trouble: str = ""


class Culprit(msgspec.Struct, frozen=True):
    """The commit that was found: how it stands to its parent, and how *bad* as a whole stands to *good*.

    unmeasured: commits just before it that could not be measured, any of which may be the one.
    """

    step: Step
    whole: Step
    unmeasured: tuple[str, ...] = ()


def bisect(
    name: str, good: str, bad: str, settings: Settings, root: Path, tell: Callable[[Step], None]
) -> Culprit:
    """Find the commit after *good*, up to *bad*, at which *name* got slower; *tell* hears of the steps.

    A commit is bad when it is slower than *good* by at least half of what *bad* is, in logarithms: there lies
    the border that noise has to cross from either side. Benchmarks are those of the checkout for all commits.

    Raises:
        GateError: *bad* is not slower, cannot be measured, or does not come after *good* (exit code 3 or 2).
    """
    commits = first_parents(root, good, bad)
    if commits and not is_ancestor(root, good, bad):
        raise GateError(
            f"{good} is no ancestor of {bad}, so no commit between them made the difference; name one that "
            f"{bad} contains, such as: git merge-base {good} {bad}"
        )
    if not commits:
        raise GateError(f"no commit leads from {good} to {bad}; name an older and a newer one of one branch")
    settings = msgspec.structs.replace(settings, instructions="off")

    def measured(sha: str, against: str) -> Step:
        step = _measure(name, sha, against, settings, root)
        tell(step)
        return step

    whole = measured(commits[-1], good)
    if whole.judged is None:
        raise GateError(f"cannot measure {bad}: {whole.trouble}", 3)
    if whole.judged.finding is not Finding.REGRESSED:
        raise GateError(
            f"{name} is not slower at {bad} than at {good}: {whole.judged.change * 100:+.1f} %, "
            f"{whole.judged.finding}; nothing to look for",
            3,
        )
    border = math.log1p(whole.judged.change) / 2
    last_good, first_bad, unmeasured = _narrow(commits, lambda sha: _is_bad(measured(sha, good), border))
    skipped = tuple(sha for sha in commits[last_good + 1 : first_bad] if sha in unmeasured)
    parent = commits[first_bad - 1] if first_bad and not skipped else good
    culprit = measured(commits[first_bad], commits[last_good] if last_good >= 0 else parent)
    if culprit.judged is None or culprit.judged.finding is not Finding.REGRESSED:
        told = culprit.trouble if culprit.judged is None else f"{culprit.judged.change * 100:+.1f} %"
        raise GateError(
            f"no single commit made {name} slower by {whole.judged.change * 100:+.1f} %: "
            f"{culprit.sha[:12]} is the first beyond half of it, and {told} against {culprit.against[:12]}; "
            "small steps add up, see: messenger gate history",
            3,
        )
    return Culprit(culprit, whole, skipped)


def _narrow(commits: Sequence[str], is_bad: Callable[[str], bool | None]) -> tuple[int, int, set[str]]:
    """Return the last good and the first bad of *commits*, the last of which is bad; -1 is before the first.

    What cannot be told, None, is left out, nearest to the middle first.
    """
    good, bad = -1, len(commits) - 1
    unmeasured: set[str] = set()
    while True:
        left = [number for number in range(good + 1, bad) if commits[number] not in unmeasured]
        if not left:
            return good, bad, unmeasured
        middle = min(left, key=lambda number: abs(number - (good + bad) / 2))
        verdict = is_bad(commits[middle])
        if verdict is None:
            unmeasured.add(commits[middle])
        elif verdict:
            bad = middle
        else:
            good = middle


def _is_bad(step: Step, border: float) -> bool | None:
    return None if step.judged is None else math.log1p(step.judged.change) >= border


def _measure(name: str, sha: str, against: str, settings: Settings, root: Path) -> Step:
    order = Order(ref=against, head=sha, paths=(name.partition("::")[0],), only=(name,))
    try:
        duel = compare_commits(order, settings, root, hide_progress)
    except GateError as error:
        if error.exit_code != 3:
            raise
        return Step(sha, against, None, str(error).partition("\n")[0])
    judged = judge({bout.name: bout.ratios for bout in duel.bouts})
    if name not in judged:
        said = [trouble.text.strip().rpartition("\n")[2] for trouble in duel.troubles]
        return Step(sha, against, None, (said or ["it has no such benchmark"])[0])
    return Step(sha, against, judged[name])
