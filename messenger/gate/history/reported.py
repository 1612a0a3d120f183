"""Reported: what a folder of reports tells of the benchmarks, ours and those of pytest-benchmark alike."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import msgspec

from ..error import GateError
from ..git import Commit
from ..measurement import Measurement, combine, is_duration
from ..process import Process, parse_process
from ..report import Report, Result, parse_report
from .course import Reported, Row, moment


class _Kind(msgspec.Struct):
    """What tells the two sorts of reports from other JSON files."""

    benchmark_suite: object = None
    machine_info: object = None


def read_reported(folder: Path) -> tuple[tuple[Reported, ...], int]:
    """Read every report below *folder*; returns how many JSON files there are none that can be read, too.

    Processes that measured one commit one after the other are one point.

    Raises:
        GateError: *folder* is none.
    """
    if not folder.is_dir():
        raise GateError(f"{folder} is not a folder; name the folder of reports with --reports DIR")
    reports: list[Report] = []
    processes: dict[str, Process] = {}
    skipped = 0
    for path in sorted(folder.rglob("*.json")):
        found = _read(path)
        if isinstance(found, Report) and moment(found.timestamp):
            reports.append(found)
        elif isinstance(found, Process) and moment(found.date):
            processes[f"{found.identity} {found.date}"] = found  # a copy is no second process
        else:
            skipped += 1
    return (*_of_reports(reports), *_of_processes(list(processes.values()))), skipped


def _read(path: Path) -> Report | Process | None:
    try:
        content = path.read_bytes()
        kind = msgspec.json.decode(content, type=_Kind)
        if kind.benchmark_suite is not None:
            return parse_report(content, str(path))
        return parse_process(content, str(path)) if kind.machine_info is not None else None
    except (OSError, GateError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _of_reports(reports: Iterable[Report]) -> Iterator[Reported]:
    for report in reports:
        commit = Commit(sha=report.commit, dirty=report.dirty).label
        for result in report.results:
            if result.q25_ms is None or not is_duration(result.q25_ms * 1e6):
                continue
            known = result.normalised and result.change_percent is not None
            yield Reported(
                name=result.name,
                environment=report.environment,
                row=Row(report.timestamp, commit, _measurement(result, result.q25_ms)),
                change=result.change_percent / 100 if known and result.change_percent is not None else None,
                baseline_ns=result.baseline_q25_ms * 1e6 if known and result.baseline_q25_ms else None,
            )


def _measurement(result: Result, q25_ms: float) -> Measurement:
    return Measurement(
        name=result.name,
        q25_ns=q25_ms * 1e6,
        median_ns=(result.median_ms or q25_ms) * 1e6,
        mean_ns=(result.mean_ms or q25_ms) * 1e6,
        stddev_ns=(result.std_dev_ms or 0.0) * 1e6,
        min_ns=(result.min_ms or q25_ms) * 1e6,
        rounds=result.rounds,
        processes=result.processes,
    )


def _of_processes(processes: Sequence[Process]) -> Iterator[Reported]:
    for _, group in groupby(sorted(processes, key=_when), key=_state):
        together = list(group)
        samples: dict[str, list[Measurement]] = {}
        for process in together:
            for measurement in filter(_is_possible, process.measurements):
                samples.setdefault(measurement.name, []).append(measurement)
        date, commit = together[-1].date, together[-1].commit.label
        for name, found in samples.items():
            row = Row(date, commit, combine(found, commit))
            yield Reported(name=name, environment=together[-1].environment.slug, row=row)


def _is_possible(measurement: Measurement) -> bool:
    return is_duration(measurement.q25_ns) and is_duration(measurement.reference_ns or 1.0)


def _when(process: Process) -> float:
    measured = moment(process.date)
    return measured.timestamp() if measured else 0.0


def _state(process: Process) -> tuple[str, str]:
    """Name what was measured, and where; without a commit every process stands for itself."""
    return process.environment.fingerprint, process.commit.label or process.identity
