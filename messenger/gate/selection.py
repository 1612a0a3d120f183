"""Selection: which benchmarks a check is about, so that what it does not ask for is not missed."""

import re
from collections.abc import Iterable

import msgspec

from .suite import suite_of


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for.

    only: every group of patterns must match (a group matches when one of its patterns does): what the
        command asked for, what the run was narrowed to.
    paths: node ids, files or folders relative to pytest's root, "" being everything; None when unknown,
        and then `suites` decides.
    """

    only: tuple[tuple[str, ...], ...] = ()
    paths: tuple[str, ...] | None = None
    suites: frozenset[str] = frozenset()


def selects(selection: Selection, name: str) -> bool:
    """Claim that the benchmark called *name* belongs to the selection."""
    if not all(matches_any(patterns, name) for patterns in selection.only if patterns):
        return False
    if selection.paths is None:
        return suite_of(name) in selection.suites
    return any(_is_under(name, path) for path in selection.paths)


def matches_any(patterns: Iterable[str], name: str) -> bool:
    """Claim that *name* contains one of *patterns*: case counts, `*` is anything, brackets are brackets.

    >>> matches_any(["parse*128"], "benches/bench_parse.py::bench_parse[128B]")
    True
    """
    return any(_expression(pattern).search(name) for pattern in patterns)


def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)


def _is_under(name: str, path: str) -> bool:
    # A test function is followed by its parameters, a file by "::", a folder by "/".
    return path == "" or name == path or name.startswith((f"{path}/", f"{path}::", f"{path}["))
