"""Plan: what all pairs of a comparison share, and how the two sides of a pair are kept alike."""

from enum import StrEnum
from pathlib import Path

import msgspec


class Mode(StrEnum):
    """How the two sides of a pair come to be.

    FORKED: from one process, so that they share hash seed and memory layout; the next pair has others.
    ALIKE: started one by one with the same seed, environment and arguments; layout randomisation is off.
    SPAWNED: the same, but the system gives each a memory layout of its own.
    """

    FORKED = "forked"
    ALIKE = "alike"
    SPAWNED = "spawned"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What all pairs of a comparison share.

    trees: the checkouts, by side; paths of equal length, because a path is part of a process's memory.
    pythons: the interpreter of each side; the same one, or two whose paths are of equal length.
    sources: the folders of a tree that the product is imported from, "" being its root.
    arguments: what pytest is given, relative to a tree.
    preload: modules from installed packages that the parent of a fork imports for both.
    unpinned: benchmarks that may use all cores.
    wrapper: a command that runs the interpreters, such as valgrind.
    timeout_seconds: how long a side may be silent.
    """

    checkout: Path
    trees: dict[str, Path]
    pythons: dict[str, str]
    mode: Mode
    sources: tuple[str, ...]
    arguments: tuple[str, ...]
    preload: tuple[str, ...] = ()
    unpinned: frozenset[str] = frozenset()
    wrapper: tuple[str, ...] = ()
    timeout_seconds: float = 60.0
