"""Paths: the arguments of pytest, as node ids begin."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path


def relative_paths(arguments: Sequence[str], here: Path, root: Path) -> tuple[str, ...] | None:
    """Write pytest *arguments*, given in folder *here*, relative to *root* with slashes; "" is *root*.

    Returns None when one of them is no path (`--pyargs package.module`), for then nobody can tell what
    was asked for.
    """
    found = []
    for argument in arguments:
        name, colons, test = argument.partition("::")
        path = Path(os.path.normpath(here / name))
        if not path.exists() and _could_be_module(name):
            return None
        relative = Path(os.path.relpath(path, root)).as_posix()
        found.append(("" if relative == "." else relative) + colons + test)
    return tuple(found)


def existing_paths(arguments: Sequence[str], here: Path) -> tuple[str, ...]:
    """Keep the *arguments*, given in folder *here*, whose file or folder exists."""
    return tuple(argument for argument in arguments if (here / argument.partition("::")[0]).exists())


def files(names: Iterable[str]) -> tuple[str, ...]:
    """Name the files that benchmarks stand in, or that pytest's arguments name, each once.

    >>> files(["tests/test_a.py::test_x[1]", "tests/test_a.py::test_y", ""])
    ('tests/test_a.py', '.')
    """
    return tuple(dict.fromkeys(name.partition("::")[0] or "." for name in names))


def _could_be_module(name: str) -> bool:
    return "/" not in name and os.sep not in name and "." in name and not name.endswith(".py")
