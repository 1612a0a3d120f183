"""Session run: what this very process has measured, as a run like any other."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from ..process import STAMP_KEY, Stamp, parse_process
from ..run import Run, combine_processes


def run_of(benchmarks: Sequence[Any], stamp: Stamp, *, narrowed: bool) -> Run:
    """Take pytest-benchmark's results together; *narrowed* to them alone, the run set out for no others.

    Raises:
        GateError: a result is no duration.
    """
    process = {
        "datetime": datetime.now(UTC).isoformat(),
        "benchmarks": [_entry(bench) for bench in benchmarks],
        STAMP_KEY: msgspec.to_builtins(stamp),
    }
    run = combine_processes([parse_process(json.dumps(process).encode(), "this session")])
    if not narrowed:
        return run
    return msgspec.structs.replace(run, paths=tuple(row.name for row in run.measurements))


def _entry(bench: Any) -> dict[str, Any]:
    """Write what the gate reads of one of pytest-benchmark's results."""
    target = bench.extra_info.get("target", [])
    return {"fullname": bench.fullname, "stats": bench.stats.as_dict(), "extra_info": {"target": target}}
