"""Report: all that a check says, as one document; terminal, markdown, pages and logs are functions of it."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from .comparison import FAILING, Comparison, Status
from .error import GateError
from .history.trend import Trend
from .lockstep.duel import Duel
from .measurement import Measurement
from .source import Source
from .suite import suite_of
from .target import Target
from .verdict import Commands, Outcome, Verdict

SCHEMA = 2


class Promise(msgspec.Struct, frozen=True):
    """A target and its measured value."""

    statistic: str
    value_ms: float
    target_ms: float
    met: bool


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One benchmark; times in milliseconds, changes in percent, null where nothing is known.

    q25_ms: the judged statistic as measured; baseline_q25_ms is the other side's. samples_ms and
    baseline_samples_ms: one value of it a process, or a pair. outliers: rounds further than 1.5 interquartile
    ranges from the quartiles, of `rounds`. target_ms and performance_ratio are those of the first target.
    formerly: the name that its baseline knows it by, where that is another. normalised: the reference loop
    was known on both sides, and is taken out of the change.
    """

    name: str
    status: Status
    mean_ms: float | None = None
    std_dev_ms: float | None = None
    min_ms: float | None = None
    max_ms: float | None = None
    median_ms: float | None = None
    q25_ms: float | None = None
    rounds: int = 0
    outliers: int | None = None
    processes: int = 0
    samples_ms: tuple[float, ...] = ()
    target_ms: float | None = None
    performance_ratio: float | None = None
    change_percent: float | None = None
    interval_percent: tuple[float, float] | None = None
    instructions_percent: float | None = None
    tolerance_percent: float | None = None
    normalised: bool = False
    baseline_ms: float | None = None
    baseline_q25_ms: float | None = None
    baseline_samples_ms: tuple[float, ...] = ()
    baseline_commit: str | None = None
    targets: tuple[Promise, ...] = ()
    source: Source | None = None
    formerly: str = ""
    note: str = ""

    @property
    def failed(self) -> bool:
        """Claim that this row makes the verdict a failure."""
        return self.status in FAILING

    @property
    def missed(self) -> tuple[Promise, ...]:
        """Return the targets that were not met."""
        return tuple(promise for promise in self.targets if not promise.met)

    @property
    def shown_ms(self) -> float | None:
        """Return the current time at the pace of the baseline: what a table can show beside the change."""
        if self.baseline_q25_ms is not None and self.change_percent is not None:
            return self.baseline_q25_ms * (1 + self.change_percent / 100)
        return self.q25_ms


class Summary(msgspec.Struct, frozen=True):
    """Counts; `passed + failed == total_tests`."""

    total_tests: int
    passed: int
    failed: int
    warnings: int


class Prerequisite(msgspec.Struct, frozen=True):
    """Something that a measurement needs, or that would disturb it, as it was found beforehand."""

    name: str
    met: bool
    found: str
    advice: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A check: what was compared with what, where and how, and what came of it.

    timestamp: ISO 8601, of the measurement, empty when nothing was measured. commit and base: of the two
    sides; base is null where a baseline was asked. lines: the circumstances as sentences. reference_ratio:
    how many times as long the reference loop took as for the baselines. duel: what was measured side by
    side, enough to judge it again. trends: what the benchmarks took before, as far as it is known.
    """

    schema_version: int = SCHEMA
    benchmark_suite: str
    timestamp: str
    commit: str | None
    commit_date: str | None = None
    dirty: bool
    base: str | None = None
    verdict: Outcome
    exit_code: int
    sentence: str
    side_by_side: bool
    environment: str
    environment_match: bool
    environment_differences: tuple[str, ...]
    processes: int
    reference_ratio: float | None
    lines: tuple[str, ...]
    warnings: tuple[str, ...]
    prerequisites: tuple[Prerequisite, ...] = ()
    results: tuple[Result, ...]
    trends: tuple[Trend, ...] = ()
    summary: Summary
    commands: Commands
    duel: Duel | None = None

    @property
    def passed(self) -> bool:
        """Claim that nothing failed; a report that compared nothing has not passed."""
        return self.verdict in (Outcome.PASSED, Outcome.ADVISORY)


class UnreadableReport(GateError):
    """A file that is not a report of the gate."""


class _Schema(msgspec.Struct):
    schema_version: int


def report_of(
    verdict: Verdict,
    sources: Mapping[str, Source] | None = None,
    prerequisites: Sequence[Prerequisite] = (),
) -> Report:
    """Write *verdict* down, with the places in the code that its benchmarks stand at."""
    circumstances, duel = verdict.circumstances, verdict.evidence
    results = tuple(result_of(row, (sources or {}).get(row.name)) for row in verdict.comparisons)
    failed = sum(result.failed for result in results)
    return Report(
        benchmark_suite=", ".join(sorted({suite_of(result.name) for result in results})),
        timestamp=circumstances.date,
        commit=circumstances.commit.sha,
        commit_date=circumstances.commit.date,
        dirty=circumstances.commit.dirty,
        base=duel.base.sha if duel else None,
        verdict=verdict.outcome,
        exit_code=verdict.exit_code,
        sentence=verdict.sentence,
        side_by_side=circumstances.side_by_side,
        environment=circumstances.environment,
        environment_match=circumstances.environment_match and verdict.outcome is not Outcome.NOTHING_COMPARED,
        environment_differences=circumstances.differences,
        processes=circumstances.processes,
        reference_ratio=_rounded(circumstances.slowdown),
        lines=circumstances.lines,
        warnings=verdict.warnings,
        prerequisites=tuple(prerequisites),
        results=results,
        summary=Summary(
            total_tests=len(results),
            passed=len(results) - failed,
            failed=failed,
            warnings=sum(bool(row.note) and not row.failed for row in results) + len(verdict.warnings),
        ),
        commands=verdict.commands,
        duel=duel,
    )


def format_report(report: Report) -> str:
    """Write *report* as JSON; what is not known is null, never NaN."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"


def parse_report(content: bytes, origin: str) -> Report:
    """Understand what `format_report` has written; *origin* names it in messages.

    Raises:
        UnreadableReport: not a report, or one of another version.
    """
    write = "write such a file with: messenger gate check --json FILE"
    try:
        version = msgspec.json.decode(content, type=_Schema).schema_version
        if version != SCHEMA:
            raise UnreadableReport(
                f"{origin} has schema {version}, and this messenger reads {SCHEMA}; "
                + ("upgrade messenger here" if version > SCHEMA else write)
            )
        report = msgspec.json.decode(content, type=Report)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableReport(f"{origin} is not a report of the gate: {error}; {write}") from error
    if fault := _fault(report):
        raise UnreadableReport(f"{origin} is damaged: {fault}; {write}")
    return report


def _fault(report: Report) -> str | None:
    """Find what no check writes, and no face can draw."""
    if report.exit_code not in range(4):
        return f"its exit code is {report.exit_code}"
    for result in report.results:
        if result.name.startswith("/") or "\0" in result.name:
            return f"{result.name!r} is no name of a benchmark"
    for trend in report.trends:
        count = len(trend.points)
        if not all(point.q25_ms > 0 for point in trend.points):
            return f"the trend of {trend.name} has a time that is not positive"
        if not all(0 < shift.at < count and shift.at in trend.comparable for shift in trend.shifts):
            return f"the trend of {trend.name} changes where it has no point"
    for bout in report.duel.bouts if report.duel else ():
        if not bout.complete:
            return f"{bout.name} has too few pairs"
    return None


def schema() -> str:
    """Write the JSON Schema of a report, which stands beside this file as report.schema.json."""
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Report)}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def result_of(row: Comparison, source: Source | None = None) -> Result:
    """Write one row down, with the place its benchmark stands at."""
    current, baseline = row.current, row.baseline
    mean_ms = current.mean_ns / 1e6 if current else None
    # The first target is the one most asked for; all of them stand in `targets`.
    target_ms = row.targets[0].target_seconds * 1e3 if row.targets else None
    return Result(
        name=row.name,
        status=row.status,
        mean_ms=_rounded(mean_ms),
        std_dev_ms=_milliseconds(current, "stddev_ns"),
        min_ms=_milliseconds(current, "min_ns"),
        max_ms=_milliseconds(current, "max_ns"),
        median_ms=_milliseconds(current, "median_ns"),
        q25_ms=_milliseconds(current, "q25_ns"),
        rounds=current.rounds if current else 0,
        outliers=current.outliers if current else None,
        processes=current.processes if current else 0,
        samples_ms=_all_milliseconds(current.samples_ns if current else ()),
        target_ms=_rounded(target_ms),
        performance_ratio=_rounded(target_ms / mean_ms if target_ms and mean_ms else None),
        change_percent=_percent(row.change),
        interval_percent=_interval(row.interval),
        instructions_percent=_percent(row.instructions),
        tolerance_percent=_percent(row.tolerance),
        normalised=row.normalised,
        baseline_ms=_milliseconds(baseline, "mean_ns"),
        baseline_q25_ms=_milliseconds(baseline, "q25_ns"),
        baseline_samples_ms=_all_milliseconds(baseline.samples_ns if baseline else ()),
        baseline_commit=baseline.commit if baseline else None,
        targets=tuple(map(_promise, row.targets)),
        source=source,
        formerly=row.formerly,
        note=row.note,
    )


def _promise(target: Target) -> Promise:
    value, promised = target.value_seconds * 1e3, target.target_seconds * 1e3
    return Promise(target.statistic, float(f"{value:.6g}"), float(f"{promised:.6g}"), target.met)


def _interval(interval: tuple[float, float] | None) -> tuple[float, float] | None:
    if interval is None:
        return None
    low, high = (float(f"{bound * 100:.6g}") for bound in interval)
    return low, high


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else _rounded(fraction * 100)


def _milliseconds(measurement: Measurement | None, field: str) -> float | None:
    nanoseconds: float | None = getattr(measurement, field, None)
    return None if nanoseconds is None else _rounded(nanoseconds / 1e6)


def _all_milliseconds(nanoseconds: Iterable[float]) -> tuple[float, ...]:
    return tuple(float(f"{value / 1e6:.6g}") for value in nanoseconds)


def _rounded(value: float | None) -> float | None:
    """Keep six significant digits: more would be noise."""
    return None if value is None else float(f"{value:.6g}")
