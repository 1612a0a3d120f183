"""Field: the benchmarks of both sides, and what has happened to them so far."""

import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from time import monotonic

import msgspec

from ..error import GateError
from ..moved import pair_moved
from ..paths import existing_paths, files
from ..progress import Progress
from ..selection import Selection, selects
from ..source import find_sources
from .judge import Ratios
from .marks import Marks, read_marks
from .order import Order
from .pair import Meeting, Sample, bring_together, measure_pair
from .plan import Plan
from .side import Side, Trouble
from .trees import Trees

_LEAST_PAIRS = 5  # fewer, and a trimmed mean has nothing to trim


class Field:
    """The benchmarks of both sides: which there are, which can be compared, and what they said.

    wanted: those that both sides have and nobody has marked to be skipped. own: those that the base has of
    its own, None where it cannot tell.
    """

    def __init__(
        self, plan: Plan, own: Sequence[str] | None, marks: Mapping[str, Marks], chance: random.Random
    ) -> None:
        self.plan = plan
        self.own, self.marks = own, marks
        self.troubles: dict[str, Trouble] = {}
        self.wanted: tuple[str, ...] = ()
        self.moved: frozenset[str] = frozenset()
        self._chance = chance

    @classmethod
    def prepare(
        cls,
        order: Order,
        plan: Plan,
        table: Mapping[str, Mapping[str, object]],
        trees: Trees,
        chance: random.Random,
    ) -> "Field":
        """Collect on either side: the base its own benchmarks, then both those of the head.

        *table* holds what pyproject.toml says of benchmarks, see `read_marks`.
        """
        own = _own(order, plan, chance)
        before = _fingerprints(plan.trees["base"], own or ())
        alone = _collect(plan, ("head",), chance)
        broken = [trouble.name for trouble in alone.troubles]
        trees.lend_benches([*plan.arguments, *files([*alone.collected["head"], *broken])])
        probe = _collect(plan, ("base", "head"), chance)
        marks = {
            name: read_marks(name, marker, table)
            for name, marker in probe.collected["head"].items()
            if _asked_for(order, name)
        }
        plan = msgspec.structs.replace(
            plan,
            preload=probe.shared,
            arguments=existing_paths(plan.arguments, plan.trees["head"]),
            unpinned=frozenset(name for name, mark in marks.items() if not mark.pinned),
        )
        moved = pair_moved(_fingerprints(plan.trees["head"], marks), before)
        field = cls(plan, own, marks, chance)
        field.moved = frozenset(moved.values())
        field._note_unimportable(probe)
        field.wanted = tuple(
            name for name, mark in marks.items() if name in probe.collected["base"] and not mark.skip
        )
        return field

    def measure(
        self, names: Sequence[str], pairs: int, progress: Progress, ends: float
    ) -> tuple[dict[str, list[Sample]], int]:
        """Measure *names* in so many pairs, or as many as fit in until *ends*; tell how many those were."""
        began = monotonic()
        samples: dict[str, list[Sample]] = {}
        for number in range(1, pairs + 1):
            names = [name for name in names if name not in self.troubles]
            if not names or (number > _LEAST_PAIRS and _too_late(began, number, ends)):
                return samples, number - 1
            progress.start(number, pairs)
            progress.expect(len(names))
            found, troubles = measure_pair(self.plan, names, self._chance, lambda _: progress.advance())
            progress.finish()
            for sample in found:
                samples.setdefault(sample.name, []).append(sample)
            # A file that the base cannot import has been told of, benchmark by benchmark.
            self.note(
                [trouble for trouble in troubles if trouble.side == "head" or trouble.name in self.marks]
            )
        return samples, pairs

    def ratios(
        self, samples: Mapping[str, Sequence[Sample]], fresh: Mapping[str, Sequence[Sample]], least: float
    ) -> dict[str, Ratios]:
        """Gather what the pairs said of every benchmark that was timed in all of them.

        *least* is the least effect that such pairs can tell, whatever a benchmark asks for.
        """
        return {
            name: Ratios(
                screen=tuple(sample.log_ratio for sample in found),
                confirm=tuple(sample.log_ratio for sample in fresh.get(name, ())),
                min_effect=max(self.marks[name].min_effect, least),
            )
            for name, found in samples.items()
            if name not in self.troubles
        }

    def note(self, troubles: Iterable[Trouble]) -> None:
        """Remember the first trouble of each benchmark; the head's counts more than the base's."""
        for trouble in troubles:
            if trouble.name not in self.troubles or trouble.side == "head":
                self.troubles[trouble.name] = trouble

    def try_alone(self) -> None:
        """Let the head show that it can run what the base cannot: else nobody would have seen it fail."""
        alone = [
            name
            for name, mark in self.marks.items()
            if not mark.skip and (name not in self.wanted or self._failed_in_base(name))
        ]
        if not alone:
            return
        trees = {"head": self.plan.trees["head"]}
        plan = msgspec.structs.replace(self.plan, trees=trees, arguments=files(alone))
        troubles = bring_together(plan, alone, self._chance, _run_a_little, _ignore).troubles
        self.note([trouble for trouble in troubles if trouble.outcome != "skipped"])

    def new(self) -> tuple[str, ...]:
        """Name what only the head has: its base fails at them, as a base must that lacks what they use."""
        unknown = [
            name for name, mark in self.marks.items() if name not in (self.own or ()) and not mark.skip
        ]
        return tuple(
            name
            for name in unknown
            if self._failed_in_base(name) or (name not in self.wanted and name not in self.troubles)
        )

    def missing(self) -> tuple[str, ...]:
        """Name what only the base has; what the head calls otherwise is compared under its new name."""
        return tuple(name for name in self.own or () if name not in self.marks and name not in self.moved)

    def skipped(self) -> tuple[str, ...]:
        """Name what a mark takes out of the comparison."""
        return tuple(name for name, mark in self.marks.items() if mark.skip)

    def _note_unimportable(self, probe: Meeting) -> None:
        """Remember the files a side cannot import; in the base, as a trouble of each benchmark they hold."""
        reasons = {trouble.name: trouble for trouble in probe.troubles if trouble.side == "base"}
        self.note([trouble for trouble in probe.troubles if trouble.side == "head"])
        for name in self.marks.keys() - probe.collected["base"].keys():
            reason = reasons.get(name.partition("::")[0])
            text = reason.text if reason else "it is not collected there"
            self.note([Trouble(name, "base", "failed", text)])

    def _failed_in_base(self, name: str) -> bool:
        trouble = self.troubles.get(name)
        return trouble is not None and trouble.side == "base"


def _fingerprints(tree: Path, names: Iterable[str]) -> dict[str, str | None]:
    names = list(names)
    sources = find_sources(tree, names)
    return {name: sources[name].fingerprint if name in sources else None for name in names}


def _own(order: Order, plan: Plan, chance: random.Random) -> list[str] | None:
    try:
        collected = _collect(plan, ("base",), chance).collected["base"]
    except GateError:  # its own benches are broken; the head's may run there all the same
        return None
    return [name for name in collected if _asked_for(order, name)]


def _collect(plan: Plan, names: Sequence[str], chance: random.Random) -> Meeting:
    """Let the sides called *names* tell their benchmarks; a side without any of the files has none."""
    trees = {name: plan.trees[name] for name in names}
    existing = {name: existing_paths(plan.arguments, tree) for name, tree in trees.items()}
    if plan.arguments and not any(existing.values()):
        return Meeting((), {name: {} for name in names})
    # After the lending all sides have the same files.
    plan = msgspec.structs.replace(plan, trees=trees, arguments=existing[names[-1]])
    return bring_together(plan, [], chance, _no_meeting, _ignore)


def _asked_for(order: Order, name: str) -> bool:
    return selects(Selection(only=(order.only,), paths=order.paths or ("",)), name)


def _too_late(began: float, number: int, ends: float) -> bool:
    """Claim that another pair, as long as those before it, would not be done when time *ends*."""
    now = monotonic()
    return now + (now - began) / (number - 1) > ends


def _no_meeting(name: str, _: dict[str, Side]) -> None:
    raise AssertionError(f"nobody wanted {name}")


def _run_a_little(_: str, sides: dict[str, Side]) -> None:
    for side in sides.values():
        side.ask(do="calibrate", core=None)


def _ignore(_: str) -> None:
    pass
