"""JSON report: runs for other programs."""

import os
import platform
from collections.abc import Sequence
from typing import Any

import msgspec

from .latencies import Latencies
from .measure import Run
from .verdict import Verdict


def render_json(runs: Sequence[tuple[Run, Verdict]]) -> str:
    """Write one run as an object, several as an array of them."""
    objects = [_describe(run, verdict) for run, verdict in runs]
    encoded = msgspec.json.encode(objects[0] if len(objects) == 1 else objects)
    return msgspec.json.format(encoded, indent=2).decode() + "\n"


def _describe(run: Run, verdict: Verdict) -> dict[str, Any]:
    plan = run.plan
    return {
        "url": plan.url,
        "mode": plan.mode,
        "rate": plan.rate if plan.mode == "one-way" else None,
        "seconds": plan.seconds,
        "payload": plan.payload_bytes,
        "publishers": plan.publishers,
        "subscribers": plan.subscribers,
        "reader": plan.reader,
        "sent": run.sent,
        "received": run.received,
        "lost": run.lost,
        "unsent": run.unsent,
        **_told(run.latencies),
        **{
            kind: {"sent": len(floor), "received": len(floor), **_told(floor)}
            for kind, floor in run.floors.items()
        },
        "passed": verdict.passed,
        "verdict": verdict.reason,
        "machine": {
            "python": platform.python_version(),
            "implementation": platform.python_implementation(),
            "system": f"{platform.system()} {platform.release()}",
            "architecture": platform.machine(),
            "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        },
    }


def _told(latencies: Latencies) -> dict[str, float | None]:
    told: dict[str, float | None] = msgspec.structs.asdict(latencies.summarize())
    return told
