"""Process: one pytest-benchmark report, which is what one fresh process measured."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from .environment import Environment
from .error import GateError
from .git import Commit
from .machine import from_machine_info
from .measurement import Measurement
from .source import Source
from .target import Target

STAMP_KEY = "messenger_gate"
STAMP_SCHEMA = 1

_WRITE_ONE = "write one with: pytest BENCHES --benchmark-only --benchmark-json=run.json"


class UnreadableProcess(GateError):
    """A file that is not a report this gate can judge."""


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """What our pytest plugin adds to a report under `STAMP_KEY`.

    `process` is unique to the interpreter process. `paths` are the arguments of pytest relative to its
    root, None when they cannot be told; `only` are the patterns the session was narrowed to; `sources` are
    the functions of its benchmarks.
    """

    schema_version: int
    process: str
    environment: Environment
    reference_ns: float | None
    commit: Commit
    paths: tuple[str, ...] | None = None
    only: tuple[str, ...] = ()
    sources: dict[str, Source] = {}


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """One process: who it was (`origin` is for messages), what it measured, and when (ISO 8601)."""

    origin: str
    identity: str
    date: str
    environment: Environment
    commit: Commit
    reference_ns: float | None = None
    paths: tuple[str, ...] | None = None
    only: tuple[str, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    targets: dict[str, tuple[Target, ...]] = {}
    sources: dict[str, Source] = {}


class _Stats(msgspec.Struct):
    q1: float
    median: float
    mean: float
    stddev: float
    min: float
    rounds: int
    max: float | None = None
    iqr_outliers: int | None = None


class _Benchmark(msgspec.Struct):
    fullname: str
    stats: _Stats | None
    extra_info: dict[str, Any] = {}


class _Document(msgspec.Struct):
    benchmarks: list[_Benchmark]
    datetime: str
    machine_info: dict[str, Any] = {}
    commit_info: dict[str, Any] | None = None
    messenger_gate: msgspec.Raw = msgspec.Raw()


class _Schema(msgspec.Struct):
    schema_version: int


def read_process(path: Path) -> Process:
    """Read the report at *path*.

    Raises:
        UnreadableProcess: the file cannot be read, or `parse_process` cannot understand it.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableProcess(f"cannot read {path}: {error.strerror}; {_WRITE_ONE}") from error
    return parse_process(content, str(path))


def parse_process(content: bytes, origin: str) -> Process:
    """Understand a report; *origin* names it in messages.

    Raises:
        UnreadableProcess: not a pytest-benchmark report, one without numbers, or one of a newer gate.
    """
    document = _decode(content, origin)
    stamp = _stamp(document, origin)
    reference = stamp.reference_ns if stamp else None
    sources = stamp.sources if stamp else {}
    measurements = tuple(
        _measurement(entry, reference, sources.get(entry.fullname), origin) for entry in document.benchmarks
    )
    _refuse_duplicates(measurements, origin)
    return Process(
        origin=origin,
        identity=stamp.process if stamp else document.datetime,
        date=document.datetime,
        environment=stamp.environment if stamp else from_machine_info(document.machine_info),
        commit=stamp.commit if stamp else _foreign_commit(document.commit_info or {}),
        reference_ns=reference,
        paths=stamp.paths if stamp else None,
        only=stamp.only if stamp else (),
        measurements=measurements,
        sources=sources,
        targets={
            entry.fullname: targets for entry in document.benchmarks if (targets := _targets(entry, origin))
        },
    )


def _decode(content: bytes, origin: str) -> _Document:
    if not content.strip():
        raise UnreadableProcess(
            f"{origin} is empty, as pytest-benchmark leaves it when no benchmark ran; {_WRITE_ONE}"
        )
    try:
        return msgspec.json.decode(content, type=_Document)
    except msgspec.ValidationError as error:
        raise UnreadableProcess(
            f"{origin} is not a pytest-benchmark report: {error}; {_WRITE_ONE}"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if b"NaN" in content or b"Infinity" in content:
            reason = "it holds NaN or Infinity, which is no duration"
        else:
            reason = f"it is not JSON ({error})"
        raise UnreadableProcess(
            f"{origin} is not a pytest-benchmark report: {reason}; {_WRITE_ONE}"
        ) from error


def _stamp(document: _Document, origin: str) -> Stamp | None:
    if not bytes(document.messenger_gate):
        return None
    try:
        version = msgspec.json.decode(document.messenger_gate, type=_Schema).schema_version
        if version > STAMP_SCHEMA:
            raise UnreadableProcess(
                f"{origin} was written by a newer messenger (schema {version}; this one reads "
                f"{STAMP_SCHEMA}); upgrade messenger here, or measure again with this version"
            )
        stamp = msgspec.json.decode(document.messenger_gate, type=Stamp)
    except msgspec.DecodeError as error:
        raise UnreadableProcess(
            f"{origin}: its {STAMP_KEY!r} part is damaged: {error}; measure again"
        ) from error
    if stamp.reference_ns is not None and not 0 < stamp.reference_ns < math.inf:
        raise UnreadableProcess(f"{origin}: its reference time is {stamp.reference_ns} ns; measure again")
    return stamp


def _measurement(
    entry: _Benchmark, reference: float | None, source: Source | None, origin: str
) -> Measurement:
    stats = entry.stats
    if stats is None:
        raise UnreadableProcess(
            f"{origin} holds no times for {entry.fullname}: it was written with --benchmark-disable; "
            f"{_WRITE_ONE}"
        )
    for field in ("q1", "median", "mean", "min"):
        seconds = getattr(stats, field)
        if not 0 < seconds < math.inf:
            raise UnreadableProcess(
                f"{origin}: {field} of {entry.fullname} is {seconds} s, which is no duration; "
                "give the benchmark more work a round and measure again"
            )
    return Measurement(
        name=entry.fullname,
        q25_ns=stats.q1 * 1e9,
        median_ns=stats.median * 1e9,
        mean_ns=stats.mean * 1e9,
        stddev_ns=max(stats.stddev, 0.0) * 1e9,
        min_ns=stats.min * 1e9,
        max_ns=None if stats.max is None else stats.max * 1e9,
        rounds=stats.rounds,
        outliers=stats.iqr_outliers,
        reference_ns=reference,
        fingerprint=source.fingerprint if source else None,
    )


def _refuse_duplicates(measurements: tuple[Measurement, ...], origin: str) -> None:
    seen: set[str] = set()
    for measurement in measurements:
        if measurement.name in seen:
            raise UnreadableProcess(
                f"{origin} holds {measurement.name} twice; a name is the key of a baseline, so give each "
                "benchmark its own"
            )
        seen.add(measurement.name)


def _targets(entry: _Benchmark, origin: str) -> tuple[Target, ...]:
    found = entry.extra_info.get("target", [])
    records = found if isinstance(found, list) else [found]
    try:
        return tuple(msgspec.convert(records, list[Target]))
    except msgspec.ValidationError as error:
        raise UnreadableProcess(f"{origin}: the target of {entry.fullname} is damaged: {error}") from error


def _foreign_commit(info: Mapping[str, Any]) -> Commit:
    sha, date = info.get("id"), info.get("time")
    if not isinstance(sha, str) or sha in ("unversioned", "unknown"):
        return Commit()
    return Commit(sha=sha, date=date if isinstance(date, str) else None, dirty=bool(info.get("dirty")))
