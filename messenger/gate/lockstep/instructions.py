"""Instructions: how many a call executes on either side, counted in a pass of its own."""

import platform
import random
import shutil
import tempfile
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import msgspec

from ..error import GateError
from .arm.counter import open_counter
from .pair import bring_together
from .plan import Plan
from .side import Side

_SECONDS = 1e-3
_TIMES_SLOWER = 50


class Counting(StrEnum):
    """Who counts: the processor, for nothing, or valgrind, fifty times slower."""

    PERF = "perf"
    CALLGRIND = "callgrind"


class Count(msgspec.Struct, frozen=True):
    """The instructions of one call on either side."""

    name: str
    base: float
    head: float

    @property
    def change(self) -> float:
        """Return head / base - 1."""
        return self.head / self.base - 1


def find_counter() -> Counting | None:
    """Say how instructions can be counted here, if they can."""
    try:
        if open_counter("perf", "").count(lambda: sum(range(100))) > 0:
            return Counting.PERF
    except OSError:
        pass
    if shutil.which("valgrind") and platform.machine() == "x86_64":
        return Counting.CALLGRIND
    return None


def count_instructions(
    plan: Plan, seconds: Mapping[str, float], counting: Counting, chance: random.Random
) -> tuple[Count, ...]:
    """Count for the benchmarks named in *seconds*, which tells how long a call takes.

    What cannot be counted is left out: a benchmark that fails, or all of them where the counter does.
    """
    counts: list[Count] = []
    with tempfile.TemporaryDirectory(prefix="messenger-gate-") as folder:
        if counting is Counting.CALLGRIND:
            plan = _under_valgrind(plan, Path(folder))

        def meet(name: str, sides: dict[str, Side]) -> None:
            both = sides["base"], sides["head"]
            iterations = max(1, round(_SECONDS / seconds[name]))
            order = {"do": "count", "counter": counting, "folder": folder, "iterations": iterations}
            for side in both:  # at once: nobody's time is taken
                side.tell(**order)
            found = [side.hear()["instructions"] for side in both]
            if all(number and number > 0 for number in found):
                counts.append(Count(name, *found))

        try:
            bring_together(plan, list(seconds), chance, meet, lambda _: None, to_the_end=False)
        except GateError:  # times have been measured all the same
            return ()
    return tuple(counts)


def _under_valgrind(plan: Plan, folder: Path) -> Plan:
    """Let valgrind run both sides; it lays memory out by itself, the same for every process."""
    wrapper = (
        "valgrind",
        "-q",
        "--tool=callgrind",
        "--instr-atstart=no",
        "--vgdb=no",  # its pipes would stay behind, for we kill it
        f"--callgrind-out-file={folder}/%p",
    )
    return msgspec.structs.replace(
        plan, wrapper=wrapper, timeout_seconds=plan.timeout_seconds * _TIMES_SLOWER
    )
