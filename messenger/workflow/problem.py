"""Problem: what is wrong with a template, where, and what to do about it."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import islice
from reprlib import Repr
from typing import Any

from msgspec import Struct

MOST_PROBLEMS = 50


class Problem(Struct, frozen=True):
    """One sentence: *place*, such as `steps[2].retry.max_attempts`, then *text*; *line* when known."""

    place: str
    text: str
    line: int | None = None

    def __str__(self) -> str:
        sentence = f"{self.place} {self.text}" if self.place else self.text
        return f"line {self.line}: {sentence}" if self.line else sentence


class BadTemplate(ValueError):
    """A template that cannot be run; `problems` are all that were found, 50 at most."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.source = source
        self.problems = tuple(problems)
        lines = [f"{source} cannot be used:", *map(str, self.problems)]
        if len(self.problems) == MOST_PROBLEMS:
            lines.append(f"there may be more than these {MOST_PROBLEMS}")
        super().__init__("\n  ".join(lines))


def first_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Look no further than to `MOST_PROBLEMS`: nobody reads more, and a hostile file could have millions."""
    return tuple(islice(problems, MOST_PROBLEMS))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return what to do about a *name* that is not *known*, as the end of a sentence.

    >>> did_you_mean("chrage", ["charge", "reserve"])
    "did you mean 'charge'?"
    """
    known = sorted(set(known))
    # A hostile template has a thousand long names that are alike, and comparing two takes the square of one.
    alike = sorted(known, key=lambda other: abs(len(other) - len(name)))[: 500_000 // (len(name) ** 2 + 1)]
    if near := get_close_matches(name, alike, n=1):
        return f"did you mean {near[0]!r}?"
    some = ", ".join(known[:8]) + (", ..." if len(known) > 8 else "")
    return f"there is {some or 'none'}"


def shown(value: Any) -> str:
    """Return *value* as an error shows it: short, however large or deep it is."""
    return _short.repr(value)


_short = Repr()
_short.maxstring = _short.maxother = 60
_short.maxlevel = 2
