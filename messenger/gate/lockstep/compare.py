"""Compare: two commits, pair by pair; all benchmarks are screened, suspects are measured afresh."""

import os
import random
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import msgspec

from ..error import GateError
from ..git import commit_of, read_commit
from ..machine import capture
from ..paths import existing_paths
from ..progress import Progress
from ..selection import Selection, selects
from ..settings import Settings
from .dependencies import changed_dependencies
from .duel import Bout, Duel
from .judge import MIN_EFFECT, Ratios, suspects
from .pair import Pair, Plan, Sample, Trouble, measure_pair
from .trees import Trees, two_trees

SCREENING_PAIRS, CONFIRMING_PAIRS = 8, 10
_LEAST_PAIRS = 5  # fewer, and a trimmed mean has nothing to trim
_SCREENING_SHARE = 0.5

Show = Callable[[str], AbstractContextManager[Progress]]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to compare: this checkout with the merge base of *ref*.

    paths: what pytest is given, relative to the project; none is pytest's own collection. only: patterns of
    names. budget_seconds: how long it may take, None being as long as 8 and 10 pairs need.
    """

    ref: str
    paths: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    budget_seconds: float | None = None
    timeout_seconds: float = 60.0


def compare_commits(order: Order, settings: Settings, root: Path, show: Show) -> Duel:
    """Measure both commits side by side; *root* is the project's folder.

    Raises:
        GateError: there is no such commit (2), or a side cannot be started or imported (3).
    """
    began = monotonic()
    chance = random.Random()
    _require_fork()
    with two_trees(root, order.ref) as trees:
        # Before the benches are lent: pytest's configuration comes with them.
        changed = changed_dependencies(trees.base / trees.root, trees.head / trees.root)
        field = _Field.prepare(order, settings, trees, chance)
        samples: dict[str, list[Sample]] = {}
        with show("screening") as progress:
            screened = field.measure(field.wanted, SCREENING_PAIRS, samples, progress, _SCREENING_SHARE)
        ratios = field.ratios(samples, {})
        fresh: dict[str, list[Sample]] = {}
        suspected = suspects(ratios)
        confirmed = 0
        if suspected:
            with show(f"confirming {len(suspected)}") as progress:
                confirmed = field.measure(suspected, CONFIRMING_PAIRS, fresh, progress, 1.0)
        return Duel(
            base=commit_of(root, trees.base_sha),
            head=read_commit(root, settings.baselines),
            date=datetime.now(UTC).isoformat(timespec="seconds"),
            environment=capture(settings.packages).slug,
            screening_pairs=screened,
            confirming_pairs=confirmed,
            seconds=monotonic() - began,
            bouts=tuple(
                _bout(name, both, samples, fresh) for name, both in field.ratios(samples, fresh).items()
            ),
            new=field.new(),
            missing=field.missing(),
            skipped=field.skipped(),
            troubles=tuple(field.troubles.values()),
            changed_dependencies=changed,
        )


def _require_fork() -> None:
    if not hasattr(os, "fork"):
        raise GateError(
            "--base forks both sides from one process, which this system cannot; "
            "compare with stored baselines: messenger gate check --measure 3 PATHS",
            3,
        )


class _Field:
    """The benchmarks of both sides, and what has happened to them so far."""

    def __init__(
        self,
        order: Order,
        plan: Plan,
        own: Sequence[str],
        settings: dict[str, dict[str, str]],
        chance: random.Random,
    ) -> None:
        self._order, self._plan, self._chance = order, plan, chance
        self._own, self._settings = own, settings
        self._began = monotonic()
        self.troubles: dict[str, Trouble] = {}
        self.wanted: tuple[str, ...] = ()

    @classmethod
    def prepare(cls, order: Order, settings: Settings, trees: Trees, chance: random.Random) -> "_Field":
        """Collect on either side: the base its own benchmarks, then both those of the head."""
        plan = Plan(
            checkout=trees.checkout,
            trees={"base": trees.base / trees.root, "head": trees.head / trees.root},
            sources=settings.sources,
            arguments=_files(order.paths),
            timeout_seconds=order.timeout_seconds,
        )
        try:
            own = _collect(plan, ("base",), chance).collected["base"]
        except GateError:  # its own benches are broken; the head's may run there all the same
            own = {}
        alone = _collect(plan, ("head",), chance)
        broken = [trouble.name for trouble in alone.troubles]
        trees.lend_benches([*plan.arguments, *_files([*alone.collected["head"], *broken])])
        probe = _collect(plan, ("base", "head"), chance)
        head = {
            name: _checked(name, marks)
            for name, marks in probe.collected["head"].items()
            if _asked_for(order, name)
        }
        field = cls(
            order,
            msgspec.structs.replace(
                plan, preload=probe.shared, arguments=existing_paths(plan.arguments, plan.trees["head"])
            ),
            [n for n in own if _asked_for(order, n)],
            head,
            chance,
        )
        field.note_unimportable(probe)
        field.wanted = tuple(
            name for name in head if name in probe.collected["base"] and name not in field.skipped()
        )
        return field

    def measure(
        self,
        names: Sequence[str],
        pairs: int,
        samples: dict[str, list[Sample]],
        progress: Progress,
        share: float,
    ) -> int:
        """Measure *names* in so many pairs, or as many as fit into *share* of the budget; return how many."""
        for number in range(1, pairs + 1):
            names = [name for name in names if name not in self.troubles]
            if not names or self._spent(share, number):
                return number - 1
            progress.start(number, pairs)
            progress.expect(len(names))
            pair = measure_pair(self._plan, names, self._chance, lambda _: progress.advance())
            progress.finish()
            for sample in pair.samples:
                samples.setdefault(sample.name, []).append(sample)
            self.note(pair.troubles)
        return pairs

    def ratios(self, samples: dict[str, list[Sample]], fresh: dict[str, list[Sample]]) -> dict[str, Ratios]:
        """Gather what the pairs said of every benchmark that was timed in all of them."""
        return {
            name: Ratios(
                screen=tuple(sample.log_ratio for sample in found),
                confirm=tuple(sample.log_ratio for sample in fresh.get(name, ())),
                min_effect=_min_effect(self._settings.get(name, {})),
            )
            for name, found in samples.items()
            if name not in self.troubles
        }

    def note(self, troubles: Sequence[Trouble]) -> None:
        """Remember the first trouble of each benchmark; the head's counts more than the base's."""
        for trouble in troubles:
            if trouble.name not in self.troubles or trouble.side == "head":
                self.troubles[trouble.name] = trouble

    def note_unimportable(self, probe: Pair) -> None:
        """Remember the files a side cannot import; in the base, as a trouble of each benchmark they hold."""
        reasons = {trouble.name: trouble for trouble in probe.troubles if trouble.side == "base"}
        self.note([trouble for trouble in probe.troubles if trouble.side == "head"])
        for name in self._settings.keys() - probe.collected["base"].keys():
            reason = reasons.get(name.partition("::")[0])
            self.note(
                [Trouble(name, "base", "failed", reason.text if reason else "it is not collected there")]
            )

    def new(self) -> tuple[str, ...]:
        """Name what only the head has: its base fails at them, as a base must that lacks what they use."""
        unknown = [name for name in self._settings if name not in self._own]
        return tuple(name for name in unknown if name not in self.wanted or self._failed_in_base(name))

    def missing(self) -> tuple[str, ...]:
        """Name what only the base has."""
        return tuple(name for name in self._own if name not in self._settings)

    def skipped(self) -> tuple[str, ...]:
        """Name what a marker takes out of the comparison."""
        return tuple(
            name
            for name, marks in self._settings.items()
            if marks.get("skip", "False") not in ("False", "None")
        )

    def _failed_in_base(self, name: str) -> bool:
        trouble = self.troubles.get(name)
        return trouble is not None and trouble.side == "base"

    def _spent(self, share: float, number: int) -> bool:
        """Claim that another pair, as long as those before, would not fit into *share* of the budget."""
        budget = self._order.budget_seconds
        if budget is None or number <= _LEAST_PAIRS:
            return False
        spent = monotonic() - self._began
        return spent + spent / number > budget * share


def _collect(plan: Plan, names: Sequence[str], chance: random.Random) -> Pair:
    """Let the sides called *names* tell their benchmarks; a side without any of the files has none."""
    trees = {name: plan.trees[name] for name in names}
    existing = {name: existing_paths(plan.arguments, tree) for name, tree in trees.items()}
    if plan.arguments and not any(existing.values()):
        return Pair((), (), {name: {} for name in names})
    # After the lending all sides have the same files.
    arguments = existing[names[-1]]
    return measure_pair(msgspec.structs.replace(plan, trees=trees, arguments=arguments), [], chance, _ignore)


def _files(names: Iterable[str]) -> tuple[str, ...]:
    """Name the files that benchmarks, or the paths that were asked for, stand in."""
    return tuple(dict.fromkeys(name.partition("::")[0] or "." for name in names))


def _asked_for(order: Order, name: str) -> bool:
    return selects(Selection(only=(order.only,), paths=order.paths or ("",)), name)


def _checked(name: str, marks: dict[str, str]) -> dict[str, str]:
    """Refuse what a `gate` marker cannot mean, rather than ignore it."""
    if unknown := marks.keys() - {"min_effect", "skip"}:
        raise GateError(f"{name}: @pytest.mark.gate has no {min(unknown)!r}; it knows min_effect and skip")
    if "min_effect" in marks:
        _min_effect(marks, name)
    return marks


def _min_effect(marks: dict[str, str], name: str = "") -> float:
    text = marks.get("min_effect")
    if text is None:
        return MIN_EFFECT
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", text)
    if not found or not 0 < float(found[1]) <= 1000:
        raise GateError(
            f'{name}: min_effect={text} is no percentage; write @pytest.mark.gate(min_effect="10%")'
        )
    return float(found[1]) / 100


def _bout(
    name: str, ratios: Ratios, samples: dict[str, list[Sample]], fresh: dict[str, list[Sample]]
) -> Bout:
    both = [*samples[name], *fresh.get(name, ())]
    return Bout(
        name=name,
        ratios=ratios,
        base_seconds=tuple(sample.base_seconds for sample in both),
        head_seconds=tuple(sample.head_seconds for sample in both),
    )


def _ignore(_: str) -> None:
    pass
