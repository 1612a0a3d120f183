"""The pytest plugin: options, the markers, and the door to the session that does the work.

Every pytest session of everybody who has us installed imports this file, so it imports nothing of ours
until a session times benchmarks for somebody to read.
"""

import argparse
import os

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the gate."""
    group = parser.getgroup("messenger gate")
    group.addoption(
        "--gate",
        nargs="?",
        const="table",
        choices=("table", "check"),
        help="hold the benchmarks of this session against the baselines: table prints, check also fails the "
        "tests of those that slowed down or missed a target, and decides the exit status (1 a failure, "
        "3 nothing compared). Write --gate=check, with the equals sign.",
    )
    group.addoption(
        "--gate-baselines", metavar="DIR", help="folder of baselines (default: from pyproject.toml)"
    )
    group.addoption("--gate-markdown", metavar="FILE", help="write the comparison as markdown")
    group.addoption("--gate-json", metavar="FILE", help="write the comparison as JSON, times in milliseconds")
    group.addoption(
        "--gate-only",
        metavar="PATTERN",
        action="append",
        default=[],
        help="run and judge only benchmarks whose full name contains PATTERN (* is anything); repeatable",
    )
    group.addoption(
        "--gate-names",
        metavar="FILE",
        help="run only the benchmarks whose full names stand in FILE, a JSON list",
    )
    group.addoption("--gate-events", metavar="FILE", help=argparse.SUPPRESS)  # how a measuring parent listens
    parser.addini("messenger_gate", "what --gate does when it is not given: table or check", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and the gate's session where one is wanted."""
    config.addinivalue_line(
        "markers",
        "gate(min_effect='10%', pin=False, skip=True): how messenger gate check --base treats a benchmark.",
    )
    config.addinivalue_line(
        "markers",
        "target(p99='50ms', ...): what a benchmark promises, by statistic (mean, median, min, max, stddev, "
        "p50 ... p99_9) with a unit (ns, us, ms, s); held by messenger gate.",
    )
    if not _wanted(config):
        return
    from .session.session import GateSession

    session = GateSession(config)
    config.pluginmanager.register(session, "messenger-gate-session")
    mode = _mode(config)
    if mode and not config.getoption("gate_events"):
        from .session.verdict import SessionVerdict

        config.pluginmanager.register(SessionVerdict(config, session, mode), "messenger-gate-verdict")


def _wanted(config: pytest.Config) -> bool:
    _require_sense(config)
    if not config.pluginmanager.hasplugin("benchmark"):
        return False
    if _distributed(config) and not _asked(config):
        return False
    options = (
        "gate_only",
        "gate_names",
        "gate_events",
        "benchmark_json",
        "benchmark_save",
        "benchmark_autosave",
    )
    return bool(
        _asked(config)
        or config.getini("messenger_gate")
        or any(config.getoption(option, None) for option in options)
    )


def _require_sense(config: pytest.Config) -> None:
    """Refuse what could only end in silence: a check that cannot time anything must not be green."""
    configured = config.getini("messenger_gate")
    if configured not in ("", "table", "check"):
        raise pytest.UsageError(
            f"messenger_gate is {configured!r} in the configuration; set it to table or check"
        )
    if _asked(config) and _distributed(config):
        raise pytest.UsageError(
            "--gate needs benchmarks that run one at a time, and pytest-xdist is active; run again with -n 0"
        )
    if config.getoption("gate") != "check":
        return
    if not config.pluginmanager.hasplugin("benchmark"):
        raise pytest.UsageError("--gate=check needs pytest-benchmark; install it, or drop -p no:benchmark")
    disabled = config.getoption("benchmark_disable") and not config.getoption("benchmark_enable")
    if disabled or config.getoption("benchmark_skip"):
        raise pytest.UsageError(
            "--gate=check where benchmarks are disabled: nothing would be timed; drop one of them"
        )


def _mode(config: pytest.Config) -> str:
    """Return table, check, or nothing; who asks for a file asks for the table in it."""
    fallback = "table" if _asked(config) else ""
    return str(config.getoption("gate") or config.getini("messenger_gate") or fallback)


def _asked(config: pytest.Config) -> bool:
    return any(config.getoption(name) for name in ("gate", "gate_markdown", "gate_json"))


def _distributed(config: pytest.Config) -> bool:
    return config.getoption("dist", "no") != "no" or "PYTEST_XDIST_WORKER" in os.environ
