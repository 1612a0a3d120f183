"""Moved: which benchmarks only have another name, or stand in another file."""

from collections.abc import Iterable, Mapping

from .measurement import Measurement


def find_moved(measured: Mapping[str, Measurement], remembered: Mapping[str, Measurement]) -> dict[str, str]:
    """Return the old name by the new one; *remembered* holds what the run set out to measure, and no more."""
    now, before = ({name: row.fingerprint for name, row in rows.items()} for rows in (measured, remembered))
    return pair_moved(now, before)


def pair_moved(now: Mapping[str, str | None], before: Mapping[str, str | None]) -> dict[str, str]:
    """Return the old name by the new one; the maps tell what each name does, where that is known.

    Such benchmarks do the same with the same parameters, and nothing else that came or went does. What kept
    its name and does something else has both gone and come: so names that were swapped are found.
    """
    kept = {name for name in now.keys() & before.keys() if not _differ(now[name], before[name])}
    come = _by_identity((name, now[name]) for name in now.keys() - kept)
    gone = _by_identity((name, before[name]) for name in before.keys() - kept)
    pairs = ((come[identity], gone[identity]) for identity in come.keys() & gone.keys())
    return {new[0]: old[0] for new, old in pairs if len(new) == len(old) == 1}


def does_something_else(current: Measurement, before: Measurement | None) -> bool:
    """Claim that the function of a benchmark is another one than it was, as far as both are known."""
    return before is not None and _differ(current.fingerprint, before.fingerprint)


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other


def _by_identity(names: Iterable[tuple[str, str | None]]) -> dict[tuple[str, str], list[str]]:
    """Gather names by what the benchmark does and with which parameters, as far as that is known."""
    found: dict[tuple[str, str], list[str]] = {}
    for name, fingerprint in names:
        if fingerprint:
            found.setdefault((fingerprint, name.partition("[")[2]), []).append(name)
    return found
