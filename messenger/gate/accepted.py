"""Accepted slowdowns: reviewed lines in baselines/accepted.toml, each with a reason and an end."""

import tomllib
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import msgspec

from .comparison import Comparison, Status, worst_first
from .error import GateError
from .selection import matches_any

_EXAMPLE = 'benchmark = "bench_parse[128B-typed]", percent = 15, reason = "checks UTF-8", until = 2027-01-31'


class Accepted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A slowdown of up to *percent* that somebody has accepted *until* a day, for a reason.

    benchmark: part of a full name, `*` being anything.
    """

    benchmark: str
    percent: float
    reason: str
    until: date

    def __post_init__(self) -> None:
        if not self.benchmark or not self.reason.strip() or not 0 < self.percent < 1000:
            raise ValueError("benchmark and reason must say something, percent must lie between 0 and 1000")


class _File(msgspec.Struct, forbid_unknown_fields=True):
    accepted: list[Accepted] = []


def read_accepted(folder: Path) -> tuple[Accepted, ...]:
    """Read accepted.toml in *folder*; none where there is no such file.

    Raises:
        GateError: the file is not TOML, or an entry lacks something.
    """
    path = folder / "accepted.toml"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        return tuple(msgspec.convert(document, _File).accepted)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        raise GateError(f"cannot read {path}: {error}; an [[accepted]] entry needs {_EXAMPLE}") from error


def excuse(accepted: Sequence[Accepted], name: str, change: float, today: date) -> tuple[Status, str]:
    """Say what acceptances make of a slowdown by *change*, a fraction: its status and a note.

    An entry that has ended, or that accepts less, leaves it a regression.
    """
    found = find_accepted(accepted, name)
    if found is None:
        return Status.REGRESSED, ""
    if today > found.until:
        return Status.REGRESSED, f"its acceptance ended on {found.until}"
    if change > found.percent / 100:
        return Status.REGRESSED, f"{found.percent:g} % were accepted"
    return Status.ACCEPTED, f"{found.reason}; until {found.until}"


def excuse_rows(
    rows: Sequence[Comparison], accepted: Sequence[Accepted], today: date
) -> tuple[Comparison, ...]:
    """Apply acceptances to the rows of a check against baselines."""
    return tuple(sorted((_excuse_row(row, accepted, today) for row in rows), key=worst_first))


def find_accepted(accepted: Sequence[Accepted], name: str) -> Accepted | None:
    """Return the entry for the benchmark called *name*; of several, the one that ends last."""
    fitting = [entry for entry in accepted if matches_any([entry.benchmark], name)]
    return max(fitting, key=lambda entry: entry.until, default=None)


def _excuse_row(row: Comparison, accepted: Sequence[Accepted], today: date) -> Comparison:
    if row.status is not Status.REGRESSED or row.change is None:
        return row
    status, note = excuse(accepted, row.name, row.change, today)
    if status is Status.ACCEPTED and row.missed:
        status = Status.FAILED_TARGET
    return msgspec.structs.replace(row, status=status, note="; ".join(filter(None, [note, row.note])))
