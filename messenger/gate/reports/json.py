"""JSON: a verdict for machines, every time in milliseconds."""

from typing import Any

import msgspec

from ..comparison import Comparison
from ..suite import suite_of
from ..verdict import Outcome, Verdict

SCHEMA = 1


def render_json(verdict: Verdict) -> str:
    """Write *verdict*; what is not known is null, never NaN. `passed + failed == total_tests`."""
    rows = verdict.comparisons
    failed = sum(row.failed for row in rows)
    document = {
        "schema_version": SCHEMA,
        "benchmark_suite": ", ".join(sorted({suite_of(row.name) for row in rows})),
        "timestamp": verdict.circumstances.date,
        "commit": verdict.circumstances.commit.sha,
        "dirty": verdict.circumstances.commit.dirty,
        "verdict": verdict.outcome.lower().replace(" ", "-"),
        "exit_code": verdict.exit_code,
        "sentence": verdict.sentence,
        "environment": verdict.circumstances.environment,
        "environment_match": verdict.circumstances.environment_match,
        "environment_differences": list(verdict.circumstances.differences),
        "processes": verdict.circumstances.processes,
        "reference_ratio": _rounded(verdict.circumstances.slowdown),
        "results": [_result(row) for row in rows],
        "summary": {
            "total_tests": len(rows),
            "passed": len(rows) - failed,
            "failed": failed,
            "warnings": sum(bool(row.note) and not row.failed for row in rows) + len(verdict.warnings),
        },
        "warnings": list(verdict.warnings),
    }
    if verdict.evidence is not None:
        document["duel"] = msgspec.to_builtins(verdict.evidence)
    if verdict.outcome is Outcome.NOTHING_COMPARED:
        document["environment_match"] = False
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _result(row: Comparison) -> dict[str, Any]:
    current, baseline = row.current, row.baseline
    mean_ms = current.mean_ns / 1e6 if current else None
    # The first target is the one most asked for; all of them stand in `targets`.
    target_ms = row.targets[0].target_seconds * 1e3 if row.targets else None
    return {
        "name": row.name,
        "mean_ms": _rounded(mean_ms),
        "std_dev_ms": _rounded(current.stddev_ns / 1e6 if current else None),
        "target_ms": _rounded(target_ms),
        "status": str(row.status),
        "performance_ratio": _rounded(target_ms / mean_ms if target_ms and mean_ms else None),
        "change_percent": _rounded(None if row.change is None else row.change * 100),
        "baseline_ms": _rounded(baseline.mean_ns / 1e6 if baseline else None),
        "q25_ms": _rounded(current.q25_ns / 1e6 if current else None),
        "baseline_q25_ms": _rounded(baseline.q25_ns / 1e6 if baseline else None),
        "interval_percent": [_rounded(bound * 100) for bound in row.interval] if row.interval else None,
        "instructions_percent": _rounded(None if row.instructions is None else row.instructions * 100),
        "tolerance_percent": _rounded(None if row.tolerance is None else row.tolerance * 100),
        "normalised": row.normalised,
        "processes": current.processes if current else 0,
        "targets": [
            {
                "statistic": target.statistic,
                "value_ms": _rounded(target.value_seconds * 1e3),
                "target_ms": _rounded(target.target_seconds * 1e3),
                "met": target.met,
            }
            for target in row.targets
        ],
        "note": row.note,
    }


def _rounded(value: float | None) -> float | None:
    """Keep six significant digits: more would be noise."""
    return None if value is None else float(f"{value:.6g}")
