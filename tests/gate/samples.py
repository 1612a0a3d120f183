"""Samples: the gate's nouns with everything filled in, so that a test names only what it is about."""

import json
from pathlib import Path
from typing import Any

from messenger.gate.baseline import Baseline
from messenger.gate.environment import Environment
from messenger.gate.git import Commit
from messenger.gate.measurement import Measurement
from messenger.gate.process import STAMP_KEY, STAMP_SCHEMA, Process
from messenger.gate.run import Run
from messenger.gate.target import Target
from messenger.gate.verdict import Commands

HERE = Environment(
    cpu="AMD EPYC",
    cpu_id="AuthenticAMD/25/1/1",
    cpu_flags=("aes", "avx2"),
    architecture="x86_64",
    cores=2,
    system="Linux 6.18",
    libc="glibc 2.36",
    python="CPython 3.11.7",
    python_build="GCC 12.2.0, config 1a2b3c4d",
    packages={"msgspec": "0.22.0"},
    kernel_release="6.18.44",
)
ELSEWHERE = Environment(
    cpu="Neoverse-N1",
    architecture="aarch64",
    cores=4,
    system="Linux 6.18",
    python="CPython 3.11.7",
    packages={"msgspec": "0.21.0"},
)
COMMANDS = Commands(
    reproduce="messenger gate check --measure 3 benches/node",
    accept="messenger gate accept --measure 5 benches/node",
)
OLD, NEW = Commit(sha="0" * 40, date="2026-11-20T10:00:00+00:00"), Commit(sha="1" * 40)


def measurement(name: str, ns: float = 450.0, **fields: Any) -> Measurement:
    given = {"median_ns": ns, "mean_ns": ns, "stddev_ns": ns / 10, "min_ns": ns * 0.9, "rounds": 1000}
    return Measurement(name=name, q25_ns=ns, **({"reference_ns": 1e6} | given | fields))


def process(identity: str = "p1", **fields: Any) -> Process:
    given = {"environment": HERE, "commit": NEW, "date": "2026-11-21T12:00:00+00:00", "reference_ns": 1e6}
    return Process(identity=identity, **({"origin": f"{identity}.json"} | given | fields))


def run(*rows: Measurement, **fields: Any) -> Run:
    given = {"environment": HERE, "commit": NEW, "date": "2026-11-21T12:00:00+00:00", "reference_ns": 1e6}
    return Run(measurements=rows, **({"processes": 3, "paths": ("benches",)} | given | fields))


def baseline(*rows: Measurement, **fields: Any) -> Baseline:
    given = {"suite": "node", "environment": HERE, "commit": "000000000000", "reference_ns": 1e6}
    return Baseline(benchmarks=rows, **({"date": "2026-11-20T12:00:00+00:00"} | given | fields))


def target(statistic: str = "p99", promised: float = 0.05, value: float = 0.004) -> Target:
    return Target(statistic, promised, value)


def name(test: str, folder: str = "benches/node") -> str:
    return f"{folder}/bench_{test}.py::bench_{test}"


def report(times: dict[str, float], process: str = "p1", **stamp: Any) -> dict[str, Any]:
    """Write pytest-benchmark's report of *times*, seconds by name, as our plugin stamps it."""
    marks = {
        "schema_version": STAMP_SCHEMA,
        "process": process,
        "reference_ns": 1e6,
        "commit": {"sha": "1" * 40},
    }
    environment = {"cpu": "AMD EPYC", "architecture": "x86_64", "cores": 2, "system": "Linux 6.18"}
    return {
        "machine_info": {"machine": "x86_64", "system": "Linux", "release": "6.18.1"},
        "commit_info": {"id": "abc", "dirty": False},
        "datetime": f"2026-11-21T12:00:00+00:00 {process}",
        "benchmarks": [
            {
                "fullname": fullname,
                "extra_info": {},
                "stats": dict.fromkeys(("q1", "median", "mean", "stddev", "min"), seconds) | {"rounds": 5},
            }
            for fullname, seconds in times.items()
        ],
        STAMP_KEY: marks | {"environment": environment, "paths": ["benches"]} | stamp,
    }


def write(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document), encoding="utf-8")
    return path
