"""Compact: failing benchmarks in few characters, where a table of them does not fit."""

from collections.abc import Callable, Mapping, Sequence

from ..report import Result
from .units import percent
from .words import STATUS


def list_by_row(rows: Sequence[Result], names: Mapping[str, str]) -> list[str]:
    """Write a line a row: its name, and by how much it changed or what else is wrong with it."""
    return [f"{names[row.name]} {_change(row)}" for row in rows]


def list_by_file(rows: Sequence[Result], names: Mapping[str, str]) -> list[str]:
    """Write the names only, every file once and what stands in it below, behind a space."""
    files: dict[str, list[str]] = {}
    for row in rows:
        file, colons, test = names[row.name].partition("::")
        files.setdefault(file, []).append(colons + test)
    lines = []
    for file, tests in files.items():
        # A line costs a character.
        lines += [file + tests[0]] if len(tests) == 1 else [file, *(f" {test[2:]}" for test in tests)]
    return lines


def fill(rows: Sequence[Result], fits: Callable[[Sequence[Result]], bool]) -> Sequence[Result]:
    """Return as many of *rows*, from the first, as fit; *fits* is taken to hold for none at all."""
    fitting, too_many = 0, len(rows) + 1
    while too_many - fitting > 1:
        middle = (fitting + too_many) // 2
        if fits(rows[:middle]):
            fitting = middle
        else:
            too_many = middle
    return rows[:fitting]


def _change(row: Result) -> str:
    if row.change_percent is None or row.missed:
        return STATUS[row.status].partition(" ")[2].lower()
    return percent(row.change_percent)
