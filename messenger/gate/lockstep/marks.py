"""Marks: what a benchmark asks of the comparison, by its `gate` marker or in pyproject.toml."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from ..error import GateError
from ..selection import matches_any
from .judge import MIN_EFFECT

_KNOWN = ("min_effect", "skip", "pin")
_NOT = ("False", "None")


class Marks(msgspec.Struct, frozen=True):
    """What one benchmark asks.

    min_effect: the least change worth a verdict, as a fraction. skip: it is left out. pinned: it stays on one
    core at a time, so that a neighbour slows both sides; what needs several cores at once says pin=False.
    """

    min_effect: float = MIN_EFFECT
    skip: bool = False
    pinned: bool = True


def read_marks(name: str, marker: Mapping[str, Any], table: Mapping[str, Mapping[str, Any]]) -> Marks:
    """Read what benchmark *name* asks by its *marker*, and before that by the patterns of *table*.

    >>> read_marks("bench_parse[1]", {}, {"parse": {"min_effect": "10%"}}).min_effect
    0.1

    Raises:
        GateError: it asks for something that there is not.
    """
    asked: dict[str, str] = {}
    for pattern, entry in table.items():
        if matches_any([pattern], name):
            asked |= _checked(entry, f'[tool.messenger.gate.benchmarks."{pattern}"]')
    asked |= _checked(marker, f"{name}: @pytest.mark.gate")
    return Marks(
        min_effect=_fraction(asked["min_effect"], name) if "min_effect" in asked else MIN_EFFECT,
        skip=asked.get("skip", "False") not in _NOT,
        pinned=asked.get("pin", "True") not in _NOT,
    )


def _checked(asked: Mapping[str, Any], where: str) -> dict[str, str]:
    """Refuse what a mark cannot mean, rather than ignore it."""
    if unknown := asked.keys() - set(_KNOWN):
        raise GateError(f"{where} has no {min(unknown)!r}; it knows {', '.join(_KNOWN)}")
    return {key: str(value) for key, value in asked.items()}


def _fraction(text: str, name: str) -> float:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", text)
    if not found or not 0 < float(found[1]) <= 1000:
        raise GateError(f'{name}: min_effect={text} is no percentage; write it like this: min_effect="10%"')
    return float(found[1]) / 100
