"""Compare: two commits, pair by pair; all benchmarks are screened, suspects are measured afresh."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import msgspec

from ..git import commit_of, read_commit
from ..machine import capture
from ..paths import files
from ..progress import Progress
from ..settings import Settings
from .duel import Bout, Duel
from .field import Field
from .instructions import Count, Counting, count_instructions, find_counter
from .judge import Finding, Ratios, judge, suspects, wavering
from .order import Order
from .pair import Sample
from .plan import Mode
from .prepare import prepared

SCREENING_PAIRS, CONFIRMING_PAIRS = 8, 10
# Where each side has a memory layout of its own, that alone moves a pair by several percent.
UNLIKE_PAIRS, UNLIKE_EFFECT = 20, 0.05
_SCREENING_SHARE = 0.5

Show = Callable[[str], AbstractContextManager[Progress]]


def compare_commits(order: Order, settings: Settings, root: Path, show: Show) -> Duel:
    """Measure both commits side by side; *root* is the project's folder.

    Raises:
        GateError: there is no such commit (2), or a side cannot be built, started or imported (3).
    """
    began = monotonic()
    chance = random.Random()
    with prepared(order, settings, root, chance) as ground:
        field, mode = ground.field, ground.field.plan.mode
        least = UNLIKE_EFFECT if mode is Mode.SPAWNED else 0.0
        pairs = (UNLIKE_PAIRS, UNLIKE_PAIRS) if mode is Mode.SPAWNED else (SCREENING_PAIRS, CONFIRMING_PAIRS)
        budget = order.budget_seconds or math.inf
        with show("screening") as progress:
            ends = began + budget * _SCREENING_SHARE
            samples, screened = field.measure(field.wanted, pairs[0], progress, ends)
        varying = wavering(field.ratios(samples, {}, least))
        if varying:
            with show(f"screening {len(varying)} that vary") as progress:
                _add(samples, field.measure(varying, pairs[0], progress, ends)[0])
        suspected = suspects(field.ratios(samples, {}, least))
        fresh: dict[str, list[Sample]] = {}
        confirmed = 0
        if suspected:
            with show(f"confirming {len(suspected)}") as progress:
                fresh, confirmed = field.measure(suspected, pairs[1], progress, began + budget)
        if again := [name for name in suspected if name in varying]:
            with show(f"confirming {len(again)} that vary") as progress:
                _add(fresh, field.measure(again, pairs[1], progress, began + budget)[0])
        field.try_alone()
        ratios = field.ratios(samples, fresh, least)
        counting = _counting(order, settings)
        counts = _count(field, counting, ratios, samples, chance, settings.instructions == "judge")
        return Duel(
            base=commit_of(root, ground.trees.base_sha),
            head=commit_of(root, order.head) if order.head else read_commit(root, settings.baselines),
            date=datetime.now(UTC).isoformat(timespec="seconds"),
            environment=capture(settings.packages).slug,
            mode=mode,
            screening_pairs=screened,
            confirming_pairs=confirmed,
            varying=tuple(name for name in varying if name in ratios),
            seconds=monotonic() - began,
            bouts=tuple(_bout(name, both, samples, fresh) for name, both in ratios.items()),
            new=field.new(),
            missing=field.missing(),
            skipped=field.skipped(),
            troubles=tuple(field.troubles.values()),
            changed_dependencies=ground.changed_dependencies,
            base_packages=ground.overlay.packages,
            base_collected=field.own is not None,
            counting=counting,
            counts=counts,
            counts_judge=settings.instructions == "judge",
        )


def _add(samples: dict[str, list[Sample]], more: Mapping[str, Sequence[Sample]]) -> None:
    for name, found in more.items():
        samples[name].extend(found)


def _counting(order: Order, settings: Settings) -> Counting | None:
    """Say who counts instructions; nobody, where that would be slow and a budget is set."""
    counting = find_counter() if settings.instructions != "off" else None
    hurried = order.budget_seconds is not None and settings.instructions == "advise"
    return None if counting is Counting.CALLGRIND and hurried else counting


def _count(
    field: Field,
    counting: Counting | None,
    ratios: Mapping[str, Ratios],
    samples: Mapping[str, Sequence[Sample]],
    chance: random.Random,
    deciding: bool,
) -> tuple[Count, ...]:
    """Count instructions: of all where that costs nothing or decides, else of what has changed its speed."""
    judged = judge(ratios)
    changed = [name for name in ratios if judged[name].finding in (Finding.REGRESSED, Finding.IMPROVED)]
    names = changed if counting is Counting.CALLGRIND and not deciding else list(ratios)
    if counting is None or not names:
        return ()
    plan = msgspec.structs.replace(field.plan, arguments=files(names))
    seconds = {name: min(sample.base_seconds for sample in samples[name]) for name in names}
    return count_instructions(plan, seconds, counting, chance)


def _bout(
    name: str,
    ratios: Ratios,
    samples: Mapping[str, Sequence[Sample]],
    fresh: Mapping[str, Sequence[Sample]],
) -> Bout:
    both = [*samples[name], *fresh.get(name, ())]
    return Bout(
        name=name,
        ratios=ratios,
        base_seconds=tuple(sample.base_seconds for sample in both),
        head_seconds=tuple(sample.head_seconds for sample in both),
    )
