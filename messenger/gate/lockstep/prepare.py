"""Prepare: two trees, built, with interpreters that can run them, and the benchmarks that both have."""

import os
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ..error import GateError
from ..paths import files
from ..settings import Settings
from .build import build_tree
from .dependencies import changed_dependencies
from .field import Field
from .launch import can_fix_layout
from .order import Order
from .overlay import Overlay, build_overlay, here
from .plan import Mode, Plan
from .trees import Trees, two_trees


class Ground(msgspec.Struct, frozen=True):
    """Where a comparison takes place.

    changed_dependencies: files by which the head asks for other packages.
    """

    trees: Trees
    field: Field
    overlay: Overlay
    changed_dependencies: tuple[str, ...]


@contextmanager
def prepared(order: Order, settings: Settings, root: Path, chance: random.Random) -> Iterator[Ground]:
    """Check out, build and collect what *order* is about; nothing stays. *root* is the project's folder.

    Raises:
        GateError: there is no such commit (2), or a side cannot be built, started or imported (3).
    """
    _require_fork()
    with two_trees(root, order.ref, order.head) as trees:
        if order.head is not None:
            trees.bring_benches(files(order.paths))
        # Before the benches are lent: pytest's configuration comes with them.
        changed = changed_dependencies(trees.base / trees.root, trees.head / trees.root)
        overlay = _overlay(order, settings, trees, changed)
        for side, tree in (("base", trees.base), ("head", trees.head)):
            build_tree(side, tree / trees.root, settings.build, overlay.pythons[side])
        plan = Plan(
            checkout=trees.checkout,
            trees={"base": trees.base / trees.root, "head": trees.head / trees.root},
            pythons=overlay.pythons,
            mode=_mode(order, settings, overlay),
            sources=settings.sources,
            arguments=files(order.paths),
            timeout_seconds=order.timeout_seconds,
        )
        field = Field.prepare(order, plan, settings.benchmarks, trees, chance)
        yield Ground(trees, field, overlay, tuple(changed))


def _require_fork() -> None:
    if not hasattr(os, "fork"):
        raise GateError(
            "--base starts and ends groups of processes, which this system cannot; "
            "compare with stored baselines: messenger gate check --measure 3 PATHS",
            3,
        )


def _overlay(order: Order, settings: Settings, trees: Trees, changed: Sequence[str]) -> Overlay:
    if order.same_packages or not changed:
        return here()
    return build_overlay(trees.base.parent, trees.base / trees.root, changed, settings.install)


def _mode(order: Order, settings: Settings, overlay: Overlay) -> Mode:
    """Fork where both sides are one environment; else keep the memory layouts alike where that is allowed."""
    if not (order.spawn or settings.spawn) and overlay.pythons["base"] == sys.executable:
        return Mode.FORKED
    return Mode.ALIKE if can_fix_layout() else Mode.SPAWNED
