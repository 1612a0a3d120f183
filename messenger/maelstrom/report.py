"""A verdict as text for people, and as JSON for programs."""

import json
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import to_builtins
from msgspec.structs import asdict

from .findings import Anomaly
from .history import Operation, Outcome, describe, events_of
from .nemesis import Fault
from .settings import Settings
from .verdict import Verdict

_SHOWN_OF_A_KIND = 5
_SHOWN_OPERATIONS = 8
_SHOWN_FAILURES = 3
_SHOWN_CHARACTERS = 100


def render_text(verdict: Verdict) -> str:
    """Write the numbers, the anomalies, how to repeat the test, and the verdict as the last line."""
    settings = verdict.settings
    lines = [
        f"{settings.workload}: {settings.node_count} nodes, {settings.concurrency} clients, "
        f"{settings.time_limit_seconds:g} s at {settings.rate:g} operations/s, seed {settings.seed}",
        "",
        *_table(verdict),
        *_anomalies("anomalies", verdict.findings.anomalies),
        *_anomalies("for information", verdict.findings.information),
        "",
        f"repeat it: {shlex.join(command_line(settings))}",
        f"{verdict.status.upper()}: {verdict.reason}",
    ]
    return "\n".join(lines) + "\n"


def render_json(verdict: Verdict) -> bytes:
    """Write everything, with all anomalies and their operations."""
    settings = verdict.settings
    report = {
        "verdict": verdict.status,
        "reason": verdict.reason,
        "workload": settings.workload,
        "seed": settings.seed,
        "command": shlex.join(command_line(settings)),
        "duration_seconds": round(verdict.duration_seconds, 3),
        "operations": {**_totals(verdict.operations), "by_function": verdict.operations},
        "failures": [asdict(failure) for failure in verdict.failures],
        "messages": verdict.messages,
        "latency_ms": _rounded(verdict.latency_ms),
        "faults": [_fault(fault) for fault in verdict.faults],
        "measures": {name: _rounded(value) for name, value in verdict.findings.measures.items()},
        "anomalies": [_anomaly(anomaly) for anomaly in verdict.findings.anomalies],
        "information": [_anomaly(anomaly) for anomaly in verdict.findings.information],
    }
    # Not with msgspec: an id may be an integer that is longer than 64 bits.
    return json.dumps(report, indent=2).encode() + b"\n"


def render_history(operations: Sequence[Operation]) -> str:
    """Write what clients did, one event a line."""
    events = events_of(operations)
    return "".join(f"{json.dumps(to_builtins(event))}\n" for event in events)


def command_line(settings: Settings) -> list[str]:
    """Return the command that repeats the test."""
    options: dict[str, Any] = {
        "-w": settings.workload,
        "--node-count": settings.node_count,
        "--time-limit": settings.time_limit_seconds,
        "--rate": settings.rate,
        "--concurrency": settings.concurrency,
        "--latency": settings.latency_ms,
        "--latency-dist": settings.latency_distribution,
        "--loss": settings.loss,
        "--nemesis-interval": settings.nemesis_interval_seconds,
        "--recovery-time": settings.recovery_seconds,
        "--seed": settings.seed,
    }
    if settings.availability is not None:
        options["--availability"] = settings.availability
    if settings.workload == "broadcast":
        options["--topology"] = settings.topology
    if settings.workload.startswith("txn-"):
        options["--consistency-models"] = settings.consistency_model
    words = [word for name, value in options.items() for word in (name, _word(value))]
    faults = [word for fault in settings.nemesis for word in ("--nemesis", fault.value)]
    return ["messenger", "maelstrom", "test", *words, *faults, "--", *settings.command]


def _table(verdict: Verdict) -> Iterable[str]:
    for function, outcomes in verdict.operations.items():
        yield _row(function, ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items()))
    for one in verdict.failures[:_SHOWN_FAILURES]:
        text = " ".join(one.text.split())[:_SHOWN_CHARACTERS]
        yield _row("", f"{one.count} x {one.function}: error {one.code}{': ' * bool(text)}{text}")
    messages = verdict.messages
    yield _row(
        "messages",
        f"{messages['all']:.0f} in all, {messages['between_servers']:.0f} between servers "
        f"({messages['between_servers_per_operation']:.2f} per operation), {messages['lost']:.0f} lost",
    )
    if verdict.latency_ms:
        yield _row("latency", _milliseconds(verdict.latency_ms))
    for name, value in verdict.findings.measures.items():
        if name.endswith("_ms") and isinstance(value, Mapping):
            if value:
                yield _row(name.removesuffix("_ms").replace("_", " "), _milliseconds(value))
        else:
            yield _row(name.replace("_", " "), str(value))
    if verdict.faults:
        kinds = Counter(fault.kind.value for fault in verdict.faults)
        yield _row("faults", ", ".join(f"{count} {kind}" for kind, count in kinds.items()))
    yield _row("duration", f"{verdict.duration_seconds:.1f} s")


def _row(name: str, text: str) -> str:
    return f"{name:<24}{text}"


def _milliseconds(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in values.items()) + " ms"


def _anomalies(title: str, anomalies: Iterable[Anomaly]) -> list[str]:
    by_kind: dict[str, list[Anomaly]] = {}
    for anomaly in anomalies:
        by_kind.setdefault(anomaly.kind, []).append(anomaly)
    lines = ["", f"{title}:"] if by_kind else []
    for kind, those in by_kind.items():
        for anomaly in those[:_SHOWN_OF_A_KIND]:
            lines.append(f"  {kind}: " + anomaly.text.replace("\n", "\n      "))
            lines.extend(f"    {describe(operation)}" for operation in anomaly.operations[:_SHOWN_OPERATIONS])
            if len(anomaly.operations) > _SHOWN_OPERATIONS:
                lines.append(f"    and {len(anomaly.operations) - _SHOWN_OPERATIONS} operations more")
        if len(those) > _SHOWN_OF_A_KIND:
            lines.append(f"  {kind}: {len(those) - _SHOWN_OF_A_KIND} more; --json FILE tells them all")
    return lines


def _fault(fault: Fault) -> dict[str, Any]:
    return {
        "kind": fault.kind,
        "caption": fault.caption,
        "from_seconds": round(fault.from_seconds, 3),
        "until_seconds": round(fault.until_seconds, 3),
        "nodes": list(fault.nodes),
        "blocked": [list(link) for link in sorted(fault.blocked)],
    }


def _totals(operations: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    return {
        outcome.value: sum(counts[outcome.value] for counts in operations.values()) for outcome in Outcome
    }


def _anomaly(anomaly: Anomaly) -> dict[str, Any]:
    return {
        "kind": anomaly.kind,
        "text": anomaly.text,
        "operations": [_operation(operation) for operation in anomaly.operations],
    }


def _operation(operation: Operation) -> dict[str, Any]:
    return {"text": describe(operation), **asdict(operation)}


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _rounded(one) for name, one in value.items()}
    return round(value, 3) if isinstance(value, float) else value


def _word(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
