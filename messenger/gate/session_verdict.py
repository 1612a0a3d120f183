"""Session verdict: judges a pytest session at its end, and prints what came out."""

import json
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from .check import check_run
from .circumstances import of_baselines
from .error import GateError
from .process import STAMP_KEY, parse_process
from .publish import write_reports
from .report import Report, report_of
from .reports.terminal import render_terminal
from .run import combine_processes
from .session import GateSession
from .store import read_baselines
from .verdict import Commands, judge
from .workflow_command import defuse, obeyed


class SessionVerdict:
    """Hooks for a session that is asked for a table or a check (`mode`)."""

    def __init__(self, config: pytest.Config, session: GateSession, mode: str) -> None:
        self._config, self._session, self._mode = config, session, mode
        self._text = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Judge what was measured; in a check the verdict decides the exit status."""
        if self._config.option.collectonly:
            return
        benchmarks = self._config._benchmarksession.benchmarks  # type: ignore[attr-defined]
        measured = [bench for bench in benchmarks if bench and not bench.has_error]
        # A mode that is configured for every session is silent in those that time nothing.
        if not measured and self._config.getoption("gate") != "check":
            return
        exit_code = self._judge(measured)
        # A failing test stays a failing test, whatever the numbers say.
        well = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        if self._mode == "check" and session.exitstatus in well:
            session.exitstatus = exit_code

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the comparison."""
        if self._text:
            terminalreporter.section("messenger gate")
            terminalreporter.write(defuse(self._text) if obeyed() else self._text)

    def _judge(self, measured: Sequence[Any]) -> int:
        try:
            report = self._report(measured)
            markdown, json = self._config.getoption("gate_markdown"), self._config.getoption("gate_json")
            write_reports(report, markdown=_path(markdown), json=_path(json))
        except GateError as error:
            self._text = f"ERROR: {error}\n"
            return error.exit_code
        self._text = render_terminal(report)
        return report.exit_code

    def _report(self, measured: Sequence[Any]) -> Report:
        stamp = self._session.stamp()
        process = {
            "datetime": datetime.now(UTC).isoformat(),
            "benchmarks": [_entry(bench) for bench in measured],
            STAMP_KEY: msgspec.to_builtins(stamp),
        }
        run = combine_processes([parse_process(json.dumps(process).encode(), "this session")])
        if self._mode == "table":  # no gate: whoever runs a few does not ask where the others are
            run = msgspec.structs.replace(run, paths=tuple(row.name for row in run.measurements))
        folder = _path(self._config.getoption("gate_baselines"))
        stored = read_baselines(folder or self._config.rootpath / self._session.settings.baselines)
        checked = check_run(run, stored, ())
        commands = self._commands(stamp.paths or ())
        circumstances = of_baselines(run, checked.baselines, checked.comparisons)
        return report_of(judge(checked.comparisons, circumstances, commands), run.sources)

    def _commands(self, paths: Sequence[str]) -> Commands:
        arguments = [str(argument) for argument in self._config.invocation_params.args]
        accept = ["messenger", "gate", "accept", "--measure", "5", *(path or "." for path in paths)]
        return Commands(reproduce=shlex.join(["pytest", *arguments]), accept=shlex.join(accept))


def _entry(bench: Any) -> dict[str, Any]:
    """Write what the gate reads of one of pytest-benchmark's results."""
    target = bench.extra_info.get("target", [])
    return {"fullname": bench.fullname, "stats": bench.stats.as_dict(), "extra_info": {"target": target}}


def _path(option: str | None) -> Path | None:
    return Path(option) if option else None
