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
    """One side of a benchmark: where its profile stands, how many calls it is of, and what one takes.

    call_seconds: of a call that nobody samples. own: how much of it each function takes without what it
    calls, as seconds by name and file; sampling slows down what calls much, so these are shares of samples.
    """

    side: str
    path: Path
    calls: int
    call_seconds: float
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
    """Let the first side run for *seconds*, and the other as often."""
    first = next(iter(sides.values()))
    slice_size = first.ask(do="calibrate", core=None)
    rationed = slice_size.pop("slices") is not None
    del slice_size["slice_seconds"]
    size = slice_size | {"timed": True} if rationed else slice_size | {"timed": True, "rounds": 10**9}
    profiles = []
    for side in sides.values():
        call_seconds = 0.0 if rationed else side.ask(do="slice", core=None, **slice_size)["seconds"]
        path = folder / f"{side.name}.speedscope.json"
        told = side.ask(do="profile", size=size, seconds=seconds, path=str(path))
        if "lacking" in told:
            raise ModuleNotFoundError(f"No module named {told['lacking']!r}", name=told["lacking"])
        size |= {"rounds": told["rounds"], "timed": False}
        calls = size["iterations"] * told["rounds"]
        sampled = sum(told["own"].values()) or 1.0
        whole = call_seconds or sampled / calls
        own = {place: own / sampled * whole for place, own in told["own"].items()}
        profiles.append(Profile(side=side.name, path=path, calls=calls, call_seconds=whole, own=own))
    return profiles
