"""Session verdict: judges a pytest session, each benchmark in its test and all of them at the end."""

import shlex
import sys
from collections.abc import Generator, Sequence
from contextlib import suppress
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ..accepted import Accepted, read_accepted
from ..archive import archive_of, keep_report
from ..baseline import Baseline
from ..check import Checked, check_run, settle
from ..circumstances import Circumstances, of_baselines
from ..comparison import Comparison, Status, worst_first
from ..doctor import in_a_line, prerequisites
from ..error import GateError
from ..facts import read_facts
from ..publish import write_reports
from ..report import Report, report_of, result_of
from ..reports.annotations import render_annotations
from ..reports.terminal import render_terminal
from ..reports.units import plural
from ..reports.words import failure
from ..run import Run
from ..screen import columns, printable
from ..store import read_baselines
from ..verdict import Commands, judge
from ..workflow_command import defuse, obeyed
from .progress import follow_session
from .run import run_of
from .session import GateSession
from .table import shows_own_table


class SessionVerdict:
    """Hooks for a session that is asked for a table or a check (`mode`).

    In a check a benchmark is judged right after its call, against the reference loop up to then, slices of
    which are timed there and then.  A judgement at the end would know more slices, and come too late: the
    test would have passed, and JUnit, --lf, -x and editors know tests only.  So that the table at the end
    agrees with what has failed, it shows each judgement as it was made.  What is missing has no test, and is
    left to the exit status.  A table fails no test.
    """

    def __init__(self, config: pytest.Config, session: GateSession, mode: str) -> None:
        self._config, self._session, self._mode = config, session, mode
        asked = bool(config.getoption("gate"))
        self._prerequisites = prerequisites(read_facts(config.rootpath)) if asked else ()
        self._judged: dict[str, Comparison] = {}
        self._failed: dict[str, str] = {}
        self._begun: set[str] = set()
        self._again = _reruns_failures(config)
        self._text = ""

    def pytest_sessionstart(self) -> None:
        """Follow the session on the screen, which pytest has set up by now."""
        follow_session(self._config, self._session)

    def pytest_report_collectionfinish(self) -> list[str]:
        """Say at once what a measurement that was asked for by name needs, and what would disturb it."""
        timed = self._session.benchmarks and not self._config.getoption("benchmark_disable")
        return [in_a_line(self._prerequisites)] if timed and self._prerequisites else []

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Note what has begun: what has not is no fault of the benchmark where a session ends early."""
        self._begun.add(nodeid)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Fail the test of a benchmark that has slowed down or missed a target."""
        result = yield
        bench: Any = getattr(getattr(item, "funcargs", {}).get("benchmark"), "stats", None)
        if self._mode == "check" and bench and not bench.has_error:
            row = self._row(bench)
            if row is not None:
                self._judged[row.name] = row
                if row.failed:
                    pytest.fail(failure(result_of(row)), pytrace=False)
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a benchmark whose test has failed for a reason of its own."""
        judged = self._judged.get(report.nodeid)
        if report.failed and report.nodeid in self._session.benchmarks and not (judged and judged.failed):
            self._failed[report.nodeid] = _reason(report)

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
            terminalreporter.write(printable(self._text, sys.stdout))

    def _row(self, bench: Any) -> Comparison | None:
        """Judge one benchmark by what is known now; None where that cannot be done, as the end will tell."""
        try:
            run = run_of([bench], self._session.stamp(at_end=False), narrowed=True)
            rows = self._check(run).comparisons
        except GateError:
            return None
        return next((row for row in rows if row.name == bench.fullname), None)

    def _judge(self, measured: Sequence[Any]) -> int:
        try:
            report = self._report(measured)
            files = {name: _path(self._config.getoption(f"gate_{name}")) for name in ("markdown", "json")}
            write_reports(report, **files)
        except GateError as error:
            self._text = f"ERROR: {error}\n"
            return error.exit_code
        if self._config.getoption("gate"):
            self._keep(report)
        reporter = self._config.pluginmanager.getplugin("terminalreporter")  # -p no:terminal leaves none
        colour = bool(getattr(reporter, "hasmarkup", False))
        self._text = render_terminal(report, width=columns(sys.stdout), colour=colour)
        if self._mode == "check" and obeyed():
            self._text = render_annotations(report) + defuse(self._text)
        if not shows_own_table(self._config):
            self._config._benchmarksession.quiet = True  # type: ignore[attr-defined]
        return report.exit_code

    def _keep(self, report: Report) -> None:
        """Keep what was asked for by name; a folder that cannot be written is no reason to fail."""
        archive = archive_of(self._config.rootpath, self._session.settings)
        with suppress(GateError):
            if archive is not None:
                keep_report(report, archive)

    def _report(self, measured: Sequence[Any]) -> Report:
        stamp = self._session.stamp()
        # In a table: whoever runs a few does not ask where the others are, nor does who runs failures again.
        run = run_of(measured, stamp, narrowed=self._mode == "table" or self._again)
        checked = self._check(run)
        rows = self._final(checked.comparisons)
        circumstances = self._noting(of_baselines(run, checked.baselines, rows))
        verdict = judge(rows, circumstances, self._commands(stamp.paths or ()))
        return report_of(verdict, run.sources, self._prerequisites)

    def _check(self, run: Run) -> Checked:
        checked = check_run(run, self._stored, ())
        rows = settle(checked.comparisons, self._accepted, self._session.settings, date.today())
        return msgspec.structs.replace(checked, comparisons=rows)

    @cached_property
    def _folder(self) -> Path:
        folder = _path(self._config.getoption("gate_baselines"))
        return folder or self._config.rootpath / self._session.settings.baselines

    @cached_property
    def _stored(self) -> tuple[Baseline, ...]:
        return read_baselines(self._folder)

    @cached_property
    def _accepted(self) -> tuple[Accepted, ...]:
        return read_accepted(self._folder)

    def _final(self, compared: Sequence[Comparison]) -> tuple[Comparison, ...]:
        """Let the rows say what the tests have said, and nothing of what never came to its turn."""
        rows = {row.name: self._judged.get(row.name, row) for row in compared}
        for name in self._session.benchmarks - self._begun:
            rows.pop(name, None)
        for name, reason in self._failed.items():
            row = rows.get(name) or Comparison(name=name, status=Status.FAILED)
            rows[name] = msgspec.structs.replace(row, status=Status.FAILED, note=reason)
        return tuple(sorted(rows.values(), key=worst_first))

    def _noting(self, circumstances: Circumstances) -> Circumstances:
        """Say what the table does not hold: nobody may take a part for the whole."""
        notes = []
        late = len(self._session.benchmarks - self._begun)
        if late:
            notes.append(f"Note: the session ended early; {plural(late, 'benchmark')} had no turn.")
        if self._again and self._mode == "check":
            notes.append("Note: only what failed before ran again; nothing is said of the other benchmarks.")
        return msgspec.structs.replace(circumstances, lines=(*circumstances.lines, *notes))

    def _commands(self, paths: Sequence[str]) -> Commands:
        arguments = [str(argument) for argument in self._config.invocation_params.args]
        accept = ["messenger", "gate", "accept", "--measure", "5", *(path or "." for path in paths)]
        return Commands(reproduce=shlex.join(["pytest", *arguments]), accept=shlex.join(accept))


def _reruns_failures(config: pytest.Config) -> bool:
    """Claim that the session leaves out what passed the last time; with no failures --lf runs everything."""
    cache = getattr(config, "cache", None)
    return bool(config.getoption("lf", False) and cache and cache.get("cache/lastfailed", {}))


def _reason(report: pytest.TestReport) -> str:
    """Take one line out of a failure: what was raised, else where it was."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash else report.longreprtext
    line = (text.strip().splitlines() or ["no reason given"])[0]
    return f"{report.when}: {line:.200}" if report.when != "call" else f"{line:.200}"


def _path(option: str | None) -> Path | None:
    return Path(option) if option else None
