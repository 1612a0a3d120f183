"""What a test has shown."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from .checkers import availability
from .findings import Anomaly, Findings, combine
from .history import Operation
from .nemesis import Fault
from .percentiles import percentiles
from .run import Record
from .settings import Settings
from .workloads.workload import Workload


class Status(StrEnum):
    """Passed, failed, or could not tell."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Failure(Struct, frozen=True):
    """What clients were told in place of an answer, and how often."""

    function: str
    code: int
    text: str
    count: int


class Verdict(Struct, frozen=True, kw_only=True):
    """The status of a test, the reason in a sentence, and the numbers."""

    status: Status
    reason: str
    settings: Settings
    findings: Findings
    operations: Mapping[str, Mapping[str, int]]
    failures: tuple[Failure, ...]
    messages: Mapping[str, float]
    latency_ms: Mapping[str, float]
    faults: tuple[Fault, ...]
    duration_seconds: float

    @property
    def exit_code(self) -> int:
        """0 passed, 1 failed, 3 could not tell."""
        return {Status.PASSED: 0, Status.FAILED: 1, Status.UNKNOWN: 3}[self.status]


def judge(record: Record, settings: Settings, workload: Workload) -> Verdict:
    """Check what was seen."""
    parts = [_violations(record), workload.check(record.operations)]
    if settings.availability is not None:
        parts.append(availability.check(record.operations))
    findings = combine(parts) if not record.not_started else _no_findings(record)
    status, reason = _decide(record, findings)
    completed = [op for op in record.operations if op.ok]
    count = len(record.operations) or 1
    return Verdict(
        status=status,
        reason=reason,
        settings=settings,
        findings=findings,
        operations=_count(record.operations),
        failures=_failures(record.operations),
        messages={
            "all": record.messages,
            "between_servers": record.messages_between_servers,
            "lost": record.messages_lost,
            "between_servers_per_operation": round(record.messages_between_servers / count, 3),
        },
        latency_ms=percentiles([(op.completed_ns - op.invoked_ns) / 1e6 for op in completed]),
        faults=record.faults,
        duration_seconds=record.duration_seconds,
    )


def _violations(record: Record) -> Findings:
    return Findings(anomalies=tuple(Anomaly("violation", text) for text in record.violations))


def _no_findings(record: Record) -> Findings:
    return Findings(information=(Anomaly("not-started", record.not_started),))


def _decide(record: Record, findings: Findings) -> tuple[Status, str]:
    if record.not_started:
        return Status.UNKNOWN, "the nodes never started: " + record.not_started.partition("\n")[0]
    if findings.anomalies:
        kinds: defaultdict[str, int] = defaultdict(int)
        for anomaly in findings.anomalies:
            kinds[anomaly.kind] += 1
        return Status.FAILED, ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    ok = sum(op.ok for op in record.operations)
    if not ok:
        return Status.UNKNOWN, f"none of {len(record.operations)} operations succeeded"
    never = [name for name, outcomes in _count(record.operations).items() if not outcomes["ok"]]
    if never:
        # As in Maelstrom, though that fails: a node that refuses all writes loses none.
        return Status.UNKNOWN, f"no {' and no '.join(never)} succeeded, so nobody knows if it works"
    if findings.undecided:
        return Status.UNKNOWN, findings.undecided
    return Status.PASSED, f"{ok} of {len(record.operations)} operations succeeded, and nothing is wrong"


def _failures(operations: tuple[Operation, ...]) -> tuple[Failure, ...]:
    told = Counter(
        (op.function, op.error_code, op.error_text) for op in operations if op.error_code is not None
    )
    return tuple(Failure(*what, count) for what, count in told.most_common())


def _count(operations: tuple[Operation, ...]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for op in operations:
        outcomes = counts.setdefault(op.function, {"ok": 0, "fail": 0, "info": 0})
        outcomes[op.outcome.value] += 1
    return counts
