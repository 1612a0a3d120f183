"""One pair: both sides in fresh processes, timed turn by turn, benchmark by benchmark."""

import math
import os
import random
import statistics
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from ..error import GateError
from .launch import Likeness, started
from .plan import Plan
from .side import Ended, Side, SideLost, Trouble

_SECONDS = 0.1  # what the slices of one benchmark should take, both sides together
_GROUPS_MOST, _GROUPS_LEAST = 12, 3

# What to do with a benchmark that waits on all sides: (name, the sides by their names).
Meet = Callable[[str, dict[str, Side]], None]


class Sample(msgspec.Struct, frozen=True):
    """A benchmark in one pair: the logarithm of head/base, and the seconds of a call on either side."""

    name: str
    log_ratio: float
    base_seconds: float
    head_seconds: float


class Meeting(msgspec.Struct, frozen=True):
    """What a pair told beside its times.

    collected: the benchmarks of each side with their `gate` markers. shared: what both have imported from
    installed packages.
    """

    troubles: tuple[Trouble, ...]
    collected: dict[str, dict[str, dict[str, str]]]
    shared: tuple[str, ...] = ()


def measure_pair(
    plan: Plan, wanted: Sequence[str], chance: random.Random, done: Callable[[str], None]
) -> tuple[list[Sample], tuple[Trouble, ...]]:
    """Time the *wanted* benchmarks, which both sides have, in one pair; *done* hears of each.

    Raises:
        GateError: see `bring_together`.
    """
    samples: list[Sample] = []

    def meet(name: str, sides: dict[str, Side]) -> None:
        samples.append(_duel(name, sides["base"], sides["head"], pinned=name not in plan.unpinned))

    meeting = bring_together(plan, wanted, chance, meet, done)
    return samples, meeting.troubles


def bring_together(
    plan: Plan,
    wanted: Sequence[str],
    chance: random.Random,
    meet: Meet,
    done: Callable[[str], None],
    *,
    to_the_end: bool = True,
) -> Meeting:
    """Run both sides, and *meet* at each of the *wanted* benchmarks; with none of them, only collect.

    Unless it goes *to_the_end*, nobody waits for what pytest does after the last of them.

    A side that dies or hangs costs its benchmark; the others go on in new processes that are like them.

    Raises:
        GateError: a side cannot start, or took the product from the checkout in place of its tree.
    """
    likeness = Likeness.drawn(plan, chance)
    troubles: list[Trouble] = []
    while True:
        with started(plan, likeness, wanted) as sides:
            lost = _run(sides, wanted, troubles, meet, done, to_the_end=to_the_end)
        if lost is None:
            break
        troubles.append(lost)
        wanted = wanted[wanted.index(lost.name) + 1 :]
        if not wanted:
            break
    modules = {name for side in sides.values() for name in side.shared}
    collected = {side.name: side.collected for side in sides.values()}
    return Meeting(tuple(troubles), collected, tuple(sorted(modules)))


def _run(
    sides: dict[str, Side],
    wanted: Sequence[str],
    troubles: list[Trouble],
    meet: Meet,
    done: Callable[[str], None],
    *,
    to_the_end: bool,
) -> Trouble | None:
    """Take both sides through their benchmarks; return where a side was lost, if one was."""
    current = ""
    everyone = list(sides.values())
    try:
        for side in everyone:
            side.collect()
        for current in _common(wanted, everyone):
            for side in everyone:
                side.advance_to(current)
            if all(side.ready == current for side in everyone):
                with suppress(Ended):  # it gives no sample, and is among the side's troubles
                    meet(current, sides)
            else:
                troubles.extend(_unused(current, everyone))
            for side in everyone:
                if side.ready == current:
                    side.leave()
            done(current)
        for side in everyone if to_the_end else ():
            side.advance_to("")
    except SideLost as lost:
        if not current:
            raise GateError(
                f"the {lost.side.name} side {lost.how} before its first benchmark:\n{lost.side.output()}", 3
            ) from lost
        return Trouble(current, lost.side.name, lost.how, lost.side.output())
    finally:
        troubles.extend(trouble for side in everyone for trouble in side.troubles)
    return None


def _common(wanted: Sequence[str], sides: Sequence[Side]) -> list[str]:
    return [name for name in wanted if all(name in side.collected for side in sides)]


def _unused(name: str, sides: Sequence[Side]) -> list[Trouble]:
    """Tell of the sides where a benchmark ended well without having used its fixture."""
    told = {(trouble.side, trouble.name) for side in sides for trouble in side.troubles}
    idle = [side for side in sides if side.ready != name and (side.name, name) not in told]
    outcome = "skipped" if len(idle) == len(sides) else "failed"
    return [Trouble(name, side.name, outcome, "it did not use its benchmark fixture") for side in idle]


def _duel(name: str, base: Side, head: Side, *, pinned: bool) -> Sample:
    """Time one benchmark, slice by slice in turns.

    The two never run at once, and each group of four slices stays on one core: where cores differ in speed,
    because something else runs on them, both sides meet the same.
    """
    cores = _cores() if pinned else [None]
    size = base.ask(do="calibrate", core=cores[0])
    slices, slice_seconds = size.pop("slices"), size.pop("slice_seconds")
    if slices is None:  # as many as we like; the first on each side only warms up
        first = [side.ask(do="slice", core=cores[0], **size)["seconds"] for side in (base, head)]
        slice_seconds = max(first) * size["iterations"] * size["rounds"]
    seconds: dict[Side, list[float]] = {base: [], head: []}
    for group, order in enumerate(_orders(base, head, slices, slice_seconds)):
        for side in order:
            answer = side.ask(do="slice", core=cores[group % len(cores)], **size)
            seconds[side].append(answer["seconds"])
    ratios = [math.log(after / before) for before, after in zip(seconds[base], seconds[head], strict=True)]
    return Sample(
        name, statistics.median(ratios), statistics.median(seconds[base]), statistics.median(seconds[head])
    )


def _orders(base: Side, head: Side, slices: int | None, slice_seconds: float) -> list[tuple[Side, ...]]:
    """Say who goes when: groups of ABBA and BAAB by turns, or a single AB where one slice is all there is."""
    if slices == 1:
        return [(base, head)]
    groups = max(_GROUPS_LEAST, min(_GROUPS_MOST, round(_SECONDS / (4 * slice_seconds))))
    if slices is not None:
        groups = min(groups, slices // 2)
    both = (base, head, head, base), (head, base, base, head)
    return [both[group % 2] for group in range(groups)]


def _cores() -> list[int | None]:
    return [*sorted(os.sched_getaffinity(0))] if hasattr(os, "sched_getaffinity") else [None]
