"""Session progress: how far a pytest session is with its benchmarks, in place of pytest's dots for them."""

import sys
from collections.abc import Generator
from time import monotonic
from typing import Any

import pytest

from ..progress import describe_pace
from ..reports.units import duration
from ..reports.words import plain
from ..screen import dumb, printable
from .session import GateSession


class SessionProgress:
    """Hooks for pytest's own terminal *reporter* at its normal verbosity.

    On a terminal one line tells rate and time left, is drawn over, and makes room for whatever else is to be
    shown; elsewhere, and where tests themselves write to the terminal, each benchmark gets a line.  It is
    drawn between benchmarks only: a thread that drew while one is timed would be part of what is measured.
    Ordinary tests keep their dots.
    """

    def __init__(self, config: pytest.Config, session: GateSession, reporter: Any) -> None:
        self._session, self._reporter = session, reporter
        self._live = _can_draw_over(config, reporter)
        self._width = config.get_terminal_writer().fullwidth
        self._shows_path = reporter.showfspath
        # pytest counts, for its percentages, the tests it has a letter or a word for.
        self._word = ""
        self._silent = self._drawn = False
        self._done = 0
        self._began = 0.0
        self._failed = False

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Know whether there are ordinary tests, beside which percentages are shown."""
        self._word = " " if len(session.items) > len(self._session.benchmarks) else ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Show what is going to be timed."""
        if nodeid not in self._session.benchmarks:
            self._erase()
            return
        self._began = self._began or monotonic()
        self._failed = False
        self._reporter.showfspath = False
        if self._live:
            self._draw(f"{self._pace()}: {plain(nodeid)}")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None, None, None]:
        """Keep pytest's letter back, and leave the screen to whoever looks into a failure."""
        self._silent = report.nodeid in self._session.benchmarks
        if self._silent and report.failed:
            self._failed = True
            self._erase()
        try:
            yield
        finally:
            self._silent = False

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_report_teststatus(self) -> Generator[None, Any, Any]:
        """Have no letter while a benchmark is reported; summaries, which ask later, get their word."""
        status = yield
        return (status[0], "", self._word) if self._silent else status

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Tell of a benchmark that has finished; on a terminal, only of one that has failed."""
        if nodeid not in self._session.benchmarks:
            return
        self._reporter.showfspath = self._shows_path
        self._done += 1
        if self._failed or not self._live:
            self._erase()
            line = f"{plain(nodeid)}: {self._outcome(nodeid)}, {self._pace()}"
            self._reporter.write_line(printable(line, sys.stdout))
            self._reporter.flush()

    @pytest.hookimpl(tryfirst=True)
    def pytest_enter_pdb(self) -> None:
        """Leave the screen to a debugger, whose first words have pushed the line up."""
        self._drawn = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self) -> None:
        """Leave the screen to what pytest says of an interrupt."""
        self._erase()

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self) -> None:
        """Leave the screen to what pytest says of an error of its own, or of a plugin."""
        self._erase()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Leave the screen to the summaries."""
        try:
            return (yield)
        finally:
            self._erase()

    def _outcome(self, nodeid: str) -> str:
        q25_ns = self._session.q25_ns.get(nodeid)
        time = duration(q25_ns) if q25_ns is not None else "not timed"
        return f"FAILED, {time}" if self._failed else time

    def _pace(self) -> str:
        return describe_pace(self._done, len(self._session.benchmarks), monotonic() - self._began)

    def _draw(self, text: str) -> None:
        from rich.cells import cell_len, set_cell_size  # before the first benchmark, and for a terminal only

        if not self._drawn:
            self._reporter.ensure_newline()
        room = self._width - 1  # a terminal that is full to the last column goes to the next line
        line = text if cell_len(text) <= room else f"{set_cell_size(text, room - 3)}..."
        _write(f"\r{set_cell_size(line, room)}")
        self._drawn = True

    def _erase(self) -> None:
        if self._drawn:
            _write(f"\r{' ' * (self._width - 1)}\r")
            self._drawn = False


def follow_session(config: pytest.Config, session: GateSession) -> None:
    """Show progress where pytest shows dots: with -v it names each test itself, and -q asks for less."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if f"{type(reporter).__module__}.{type(reporter).__name__}" != "_pytest.terminal.TerminalReporter":
        return  # none, or one that draws in a way of its own
    if config.get_verbosity("test_cases") == 0:
        config.pluginmanager.register(SessionProgress(config, session, reporter), "messenger-gate-progress")


def _write(text: str) -> None:
    # Past pytest's writer, which would count this as part of a line of its own, and break it at the edge.
    sys.stdout.write(printable(text, sys.stdout))
    sys.stdout.flush()


def _can_draw_over(config: pytest.Config, reporter: Any) -> bool:
    written_to = (
        config.getoption("capture") not in ("fd", "sys")
        or config.getini("log_cli")
        or config.getoption("log_cli_level", None)
        or config.getoption("setupshow", False)
    )
    return bool(reporter.isatty) and not dumb() and not written_to
