"""Run: what several fresh processes measured, taken together."""

import statistics
from collections.abc import Sequence

import msgspec

from .environment import Environment, differences
from .error import GateError
from .git import Commit
from .measurement import Measurement, combine
from .process import Process
from .source import Source
from .target import Target


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One state of the code on one machine; `date` is that of the last process (ISO 8601)."""

    environment: Environment
    commit: Commit
    date: str
    processes: int
    reference_ns: float | None = None
    paths: tuple[str, ...] | None = None
    only: tuple[str, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    targets: dict[str, tuple[Target, ...]] = {}
    sources: dict[str, Source] = {}


def combine_processes(processes: Sequence[Process]) -> Run:
    """Combine one or more fresh processes, the processes being the sample.

    Raises:
        GateError: a process is given twice, or two differ in environment or commit.
    """
    first = processes[0]
    _refuse_twice(processes)
    for other in processes[1:]:
        _refuse_difference(first, other)
    samples: dict[str, list[Measurement]] = {}
    targets: dict[str, list[Target]] = {}
    for process in processes:
        for measurement in process.measurements:
            samples.setdefault(measurement.name, []).append(measurement)
        for name, found in process.targets.items():
            targets.setdefault(name, []).extend(found)
    references = [process.reference_ns for process in processes if process.reference_ns is not None]
    return Run(
        environment=first.environment,
        commit=first.commit,
        date=max(process.date for process in processes),
        processes=len(processes),
        reference_ns=statistics.median(references) if references else None,
        paths=_all_paths(processes),
        only=first.only,
        measurements=tuple(combine(found, first.commit.label) for found in samples.values()),
        targets={name: _combine_targets(found) for name, found in targets.items()},
        sources={name: source for process in processes for name, source in process.sources.items()},
    )


def _refuse_twice(processes: Sequence[Process]) -> None:
    seen: dict[str, str] = {}
    for process in processes:
        if process.identity in seen:
            raise GateError(
                f"{seen[process.identity]} and {process.origin} come from the same process; the process is "
                "the sample, so each report must come from a fresh one: run pytest again for every report"
            )
        seen[process.identity] = process.origin


def _refuse_difference(first: Process, other: Process) -> None:
    both = f"{first.origin} and {other.origin}"
    changed = differences(first.environment, other.environment)
    if changed:
        raise GateError(
            f"{both} differ in environment ({'; '.join(changed)}); combine runs of one machine only"
        )
    if first.commit != other.commit:
        old, new = first.commit.label or "no commit", other.commit.label or "no commit"
        raise GateError(f"{both} differ in commit ({old} -> {new}); combine runs of one commit only")
    if first.only != other.only:
        raise GateError(f"{both} were narrowed by different patterns: {first.only} and {other.only}")


def _all_paths(processes: Sequence[Process]) -> tuple[str, ...] | None:
    known = [process.paths for process in processes if process.paths is not None]
    if len(known) < len(processes):
        return None
    return tuple(sorted({path for paths in known for path in paths}))


def _combine_targets(found: Sequence[Target]) -> tuple[Target, ...]:
    """Take the median of the measured values; the promise is that of the last process."""
    by_statistic: dict[str, list[Target]] = {}
    for target in found:
        by_statistic.setdefault(target.statistic, []).append(target)
    return tuple(
        Target(name, same[-1].target_seconds, statistics.median(target.value_seconds for target in same))
        for name, same in by_statistic.items()
    )
