"""Profile: where the time of a benchmark goes, on both sides or on the head alone."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from ..error import GateError
from ..paths import files
from ..settings import Settings
from .order import Order
from .pair import bring_together
from .prepare import prepared
from .side import Side


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a benchmark: where its profile stands, how many calls it is of, and the seconds they took.

    own: the seconds of each function without what it called, by name and place.
    """

    side: str
    path: Path
    calls: int
    seconds: float
    own: dict[str, float]


def profile_sides(
    order: Order, settings: Settings, root: Path, folder: Path, seconds: float, *, alone: bool
) -> tuple[str, tuple[Profile, ...]]:
    """Profile the one benchmark that *order* selects for about *seconds* a side, with as many calls on each.

    Files for speedscope go to *folder*. With *alone* only the head is run. Returns the benchmark's name.

    Raises:
        GateError: the order selects none or several, a side cannot run it, or pyinstrument is not there.
    """
    chance = random.Random()
    found: list[Profile] = []
    with prepared(order, settings, root, chance) as ground:
        name = _only_one(ground.field.marks if alone else ground.field.wanted, order.only)
        trees = {side: ground.field.plan.trees[side] for side in (("head",) if alone else ("base", "head"))}
        plan = msgspec.structs.replace(ground.field.plan, trees=trees, arguments=files([name]))
        plan = msgspec.structs.replace(plan, timeout_seconds=plan.timeout_seconds + 20 * seconds)

        def meet(_: str, sides: dict[str, Side]) -> None:
            found.extend(_profile(sides, folder, seconds))

        meeting = bring_together(plan, [name], chance, meet, lambda _: None)
    if not found:
        said = meeting.troubles[0] if meeting.troubles else None
        told = f"{said.outcome} on the {said.side} side:\n{said.text}" if said else "it did not run"
        raise GateError(f"cannot profile {name}: {told}", 3)
    return name, tuple(found)


def _only_one(names: Mapping[str, object] | tuple[str, ...], asked: Sequence[str]) -> str:
    for name in names:
        if name in asked:  # in full, whatever other name it begins
            return name
    if len(names) != 1:
        some = ": " + ", ".join(list(names)[:3]) if names else ""
        raise GateError(
            f"{len(names)} benchmarks are called so{some}; write a name, or a part, that fits one", 3
        )
    return next(iter(names))


def _profile(sides: Mapping[str, Side], folder: Path, seconds: float) -> list[Profile]:
    """Let the first side say how large a slice is, and both run as many as take *seconds* there."""
    first = next(iter(sides.values()))
    size = first.ask(do="calibrate", core=None)
    slices, slice_seconds = size["slices"], size["slice_seconds"]
    if slices is None:
        slice_size = {"iterations": size["iterations"], "rounds": size["rounds"]}
        took = first.ask(do="slice", core=None, **slice_size)["seconds"]
        slice_seconds, slices = took * size["iterations"] * size["rounds"], 10**9
    count = max(1, min(round(seconds / max(slice_seconds, 1e-9)), slices))
    profiles = []
    for side in sides.values():
        path = folder / f"{side.name}.speedscope.json"
        rounds = size["rounds"] * count
        told = side.ask(do="profile", iterations=size["iterations"], rounds=rounds, path=str(path))
        if "lacking" in told:
            raise ModuleNotFoundError(f"No module named {told['lacking']!r}", name=told["lacking"])
        calls = size["iterations"] * rounds
        profiles.append(
            Profile(side=side.name, path=path, calls=calls, seconds=told["seconds"], own=told["own"])
        )
    return profiles
