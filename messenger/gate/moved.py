"""Moved: which benchmarks only have another name, or stand in another file."""

from collections.abc import Iterable, Mapping

from .measurement import Measurement


def find_moved(measured: Mapping[str, Measurement], remembered: Mapping[str, Measurement]) -> dict[str, str]:
    """Return the old name by the new one; *remembered* holds what the run set out to measure, and no more.

    Such benchmarks do the same with the same parameters, and nothing else that came or went does. What kept
    its name and does something else has both gone and come: so names that were swapped are found.
    """
    kept = {
        name
        for name in measured.keys() & remembered.keys()
        if not does_something_else(measured[name], remembered[name])
    }
    come = _by_identity(measured[name] for name in measured.keys() - kept)
    gone = _by_identity(remembered[name] for name in remembered.keys() - kept)
    pairs = ((come[identity], gone[identity]) for identity in come.keys() & gone.keys())
    return {new[0]: old[0] for new, old in pairs if len(new) == len(old) == 1}


def does_something_else(current: Measurement, before: Measurement | None) -> bool:
    """Claim that the function of a benchmark is another one than it was, as far as both are known."""
    if before is None or current.fingerprint is None or before.fingerprint is None:
        return False
    return current.fingerprint != before.fingerprint


def _by_identity(rows: Iterable[Measurement]) -> dict[tuple[str, str], list[str]]:
    """Gather names by what the benchmark does and with which parameters, as far as that is known."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.fingerprint:
            found.setdefault((row.fingerprint, row.name.partition("[")[2]), []).append(row.name)
    return found
