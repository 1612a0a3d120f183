"""The pytest plugin of a side: every use of the `benchmark` fixture waits for its turn."""

import gc
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from .conversation import Conversation
from .coroutine import refuse_coroutine_function
from .counter import open_counter
from .subject import Rationed, Subject, Timed

_TEXT = 4000
# Options, by their names in pytest, that would switch benchmarks off, spread them over processes, end the
# session early, run some twice, or keep files where the project keeps them.  Their plugins stay, for addopts
# may name their options.
_EVERYDAY: dict[str, Any] = {
    "benchmark_disable": False,
    "benchmark_skip": False,
    "benchmark_autosave": False,
    "benchmark_compare": None,
    "benchmark_compare_fail": None,
    "benchmark_cprofile": None,
    "benchmark_histogram": None,
    "benchmark_json": None,
    "benchmark_save": None,
    "collectonly": False,
    "dist": "no",
    "failedfirst": False,
    "lf": False,
    "maxfail": 0,
    "newfirst": False,
    "numprocesses": None,
    "randomly_reorganize": False,
    "randomly_seed": 1,
    "reruns": 0,
    "stepwise": False,
    "stepwise_skip": False,
    "timeout": 0,
    "tx": [],
    "usepdb": False,
}


class Arm:
    """The pytest plugin of a side: every use of the `benchmark` fixture waits for its turn."""

    def __init__(
        self,
        conversation: Conversation,
        tree: str,
        wanted: Sequence[str],
    ) -> None:
        self._conversation = conversation
        self._tree = tree
        self._wanted = {name: place for place, name in enumerate(wanted)}
        self._running = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> None:
        """Undo what a project's addopts say for everyday tests; see `_EVERYDAY`."""
        for option, value in _EVERYDAY.items():
            if hasattr(config.option, option):
                setattr(config.option, option, value)

    def pytest_configure(self, config: pytest.Config) -> None:
        """Take the place of pytest-benchmark's rounds; know the markers of the plugin that is not loaded."""
        from pytest_benchmark.fixture import BenchmarkFixture

        def plain(fixture: Any, function: Any, *args: Any, **kwargs: Any) -> Any:
            refuse_coroutine_function(function)
            return self._measure(fixture, Subject(function, args, kwargs))

        def pedantic(
            fixture: Any,
            target: Any,
            args: Any = (),
            kwargs: Any = None,
            setup: Any = None,
            teardown: Any = None,
            rounds: int | None = None,
            warmup_rounds: int = 0,
            iterations: int = 1,
        ) -> Any:
            refuse_coroutine_function(target)
            subject = Subject(target, args, kwargs or {}, setup, teardown)
            if rounds is None or setup:  # a setup makes anew what a round consumes
                return self._measure(fixture, subject)
            return self._measure(fixture, Rationed(subject, rounds, warmup_rounds, iterations))

        BenchmarkFixture._raw = plain  # type: ignore[method-assign, assignment]
        BenchmarkFixture._raw_pedantic = pedantic  # type: ignore[method-assign]
        for marker in ("target(...): see messenger gate", "gate(...): see messenger gate"):
            config.addinivalue_line("markers", marker)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Tell which benchmarks there are, with the settings of each; keep those wanted, in that order.

        The order has to be the same on both sides, whatever the product or a plugin says it is.
        """
        benches = [item for item in items if "benchmark" in getattr(item, "fixturenames", ())]
        settings = {item.nodeid: _settings(item) for item in benches}
        self._conversation.say(collected=settings)
        wanted = [item for item in benches if item.nodeid in self._wanted]
        items[:] = sorted(wanted, key=lambda item: self._wanted[item.nodeid])

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Tell of a file that cannot be imported."""
        if report.failed:
            self._conversation.say(uncollected=report.nodeid, text=report.longreprtext[-_TEXT:])

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Begin where the tree is: the last benchmark may have gone elsewhere."""
        self._running = nodeid
        os.chdir(self._tree)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Tell of a benchmark that failed, or was skipped."""
        if not report.passed:
            self._conversation.say(
                ended=report.nodeid, outcome=report.outcome, text=report.longreprtext[-_TEXT:]
            )

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Tell that it is over."""
        self._conversation.say(ended=nodeid, outcome="passed", text="")

    def _measure(self, fixture: Any, subject: Timed) -> Any:
        """Call once as any test would, then time what the conductor asks for until it is content."""
        subject.prepare()
        self._conversation.say(ready=self._running)
        stats = fixture._make_stats(1)
        seconds = 0.0
        with _undisturbed():
            while (order := self._conversation.hear())["do"] != "leave":
                if order["do"] == "count":
                    self._conversation.say(instructions=self._count(subject, order))
                    continue
                if order["do"] == "profile":
                    self._conversation.say(**_profile(subject, order))
                    continue
                _freeze()
                _stay_on(order["core"])
                if order["do"] == "calibrate":
                    self._conversation.say(**subject.calibrate())
                else:
                    rounds = [subject.round(order["iterations"]) for _ in range(order["rounds"])]
                    seconds = max(_first_quartile(rounds) / order["iterations"], 1e-9)
                    self._conversation.say(seconds=seconds)
        if seconds:
            stats.update(seconds)
        return subject.result()

    def _count(self, subject: Timed, order: dict[str, Any]) -> float | None:
        """Return the instructions of a call, None where nobody counts them."""
        try:
            counter = open_counter(order["counter"], order["folder"])
        except OSError:
            return None
        return subject.count(order["iterations"], counter)


def _profile(subject: Timed, order: dict[str, Any]) -> dict[str, Any]:
    """Sample where the time goes; what hinders that is told, not raised."""
    from .profiler import profile

    try:
        return profile(subject, order["size"], order["seconds"], order["path"])
    except ImportError as error:
        return {"lacking": error.name}


def _settings(item: pytest.Item) -> dict[str, str]:
    marker = item.get_closest_marker("gate")
    return {key: str(value) for key, value in marker.kwargs.items()} if marker else {}


def _first_quartile(seconds: list[float]) -> float:
    return sorted(seconds)[len(seconds) // 4]


def _stay_on(core: int | None) -> None:
    """Move this thread to *core*, where the other side is timed as well; None is anywhere."""
    if core is not None:
        os.sched_setaffinity(0, {core})


def _freeze() -> None:
    """Collect the garbage of others, before the first slice: where nothing is timed it would only be slow."""
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep the garbage collector and tracers out of the slices, and this thread where they put it."""
    collecting, tracer, profiler = gc.isenabled(), sys.gettrace(), sys.getprofile()
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    gc.disable()
    sys.settrace(None)
    sys.setprofile(None)
    try:
        yield
    finally:
        if cores is not None:
            os.sched_setaffinity(0, cores)
        sys.settrace(tracer)
        sys.setprofile(profiler)
        gc.unfreeze()
        if collecting:
            gc.enable()
