"""One side of a pair: runs the benches of a tree, and times a slice whenever the conductor asks for one.

It lives in one process with the product that is measured.  So it takes nothing but the standard library and
pytest, and is imported by its file name: whatever stands in the package around it may be the product.
"""

import gc
import importlib
import json
import os
import re
import socket
import sys
import tomllib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from time import perf_counter
from typing import Any

import pytest

SLICE_SECONDS = 2e-3
_ROUNDS = 8
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


class Conversation:
    """Lines of JSON with the conductor; whoever talks in a forked child of a benchmark is not heard."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lines = connection.makefile("r", encoding="utf-8")
        self._owner = os.getpid()

    def say(self, **message: Any) -> None:
        """Tell the conductor."""
        if os.getpid() == self._owner:
            self._connection.sendall(json.dumps(message).encode() + b"\n")

    def hear(self) -> dict[str, Any]:
        """Wait for an order; the process ends when none can come any more."""
        line = self._lines.readline() if os.getpid() == self._owner else ""
        if not line:  # the conductor has gone, or this is a benchmark's own child
            os._exit(0)
        return json.loads(line)  # type: ignore[no-any-return]


class Arm:
    """The pytest plugin of a side: every use of the `benchmark` fixture waits for its turn."""

    def __init__(self, conversation: Conversation, tree: str, wanted: Sequence[str]) -> None:
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
            return self._measure(fixture, _Subject(function, args, kwargs))

        def pedantic(
            fixture: Any,
            target: Any,
            args: Any = (),
            kwargs: Any = None,
            setup: Any = None,
            teardown: Any = None,
            **_rounds: Any,
        ) -> Any:
            return self._measure(fixture, _Subject(target, args, kwargs or {}, setup, teardown))

        BenchmarkFixture._raw = plain  # type: ignore[method-assign, assignment]
        BenchmarkFixture._raw_pedantic = pedantic  # type: ignore[method-assign, assignment]
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

    def _measure(self, fixture: Any, subject: "_Subject") -> Any:
        """Call once as any test would, then time what the conductor asks for until it is content."""
        result = subject.call()
        self._conversation.say(ready=self._running)
        stats = fixture._make_stats(1)
        with _undisturbed():
            while order := self._conversation.hear():
                if order["do"] == "leave":
                    break
                _stay_on(order["core"])
                if order["do"] == "calibrate":
                    iterations, rounds = subject.calibrate()
                    self._conversation.say(iterations=iterations, rounds=rounds)
                else:
                    seconds = [subject.round(order["iterations"]) for _ in range(order["rounds"])]
                    self._conversation.say(seconds=_first_quartile(seconds) / order["iterations"])
        stats.update(subject.round(1))
        return result


def _settings(item: pytest.Item) -> dict[str, str]:
    marker = item.get_closest_marker("gate")
    return {key: str(value) for key, value in marker.kwargs.items()} if marker else {}


class _Subject:
    """What a benchmark times: a call, or, in pedantic mode, a call between its setup and teardown."""

    def __init__(
        self, function: Callable[..., Any], args: Any, kwargs: Any, setup: Any = None, teardown: Any = None
    ) -> None:
        self._function, self._args, self._kwargs = function, args, kwargs
        self._setup, self._teardown = setup, teardown

    def call(self) -> Any:
        with self._arguments() as (args, kwargs):
            return self._function(*args, **kwargs)

    def round(self, iterations: int) -> float:
        """Return the seconds that *iterations* calls take together."""
        function, times = self._function, range(iterations)
        with self._arguments() as (args, kwargs):
            start = perf_counter()
            for _ in times:
                function(*args, **kwargs)
            return perf_counter() - start

    def calibrate(self) -> tuple[int, int]:
        """Choose iterations a round and rounds a slice: a slice takes 2 ms, in 8 rounds if it can."""
        wanted = SLICE_SECONDS / _ROUNDS
        iterations, seconds = 1, min(self.round(1) for _ in range(3))
        # A setup makes the state for one call.
        while not self._setup and not self._teardown and seconds < wanted / 4:
            iterations *= 4
            seconds = min(self.round(iterations) for _ in range(3))
        if iterations == 1:
            return 1, max(1, min(_ROUNDS * 10, round(SLICE_SECONDS / max(seconds, 1e-6))))
        return max(1, round(iterations * wanted / seconds)), _ROUNDS

    @contextmanager
    def _arguments(self) -> Generator[tuple[Any, Any]]:
        args, kwargs = self._args, self._kwargs
        if self._setup and (made := self._setup()):
            args, kwargs = made
        yield args, kwargs
        if self._teardown:
            self._teardown(*args, **kwargs)


def run(
    connection: socket.socket,
    tree: str,
    sources: Sequence[str],
    arguments: Sequence[str],
    wanted: Sequence[str],
) -> None:
    """Run pytest in *tree*, whose product stands in its folders *sources*, to the last benchmark."""
    checkout = os.path.realpath(os.environ["MESSENGER_GATE_CHECKOUT"])  # benchmarks may empty os.environ
    os.chdir(tree)
    roots = [os.path.join(tree, source) if source else tree for source in sources]
    sys.path[:0] = roots
    # For the processes that benchmarks start.
    os.environ["PYTHONPATH"] = os.pathsep.join([*roots, *filter(None, [os.environ.get("PYTHONPATH")])])
    importlib.invalidate_caches()
    conversation = Conversation(connection)
    code = pytest.main(
        [*_options(), f"--rootdir={tree}", *arguments], plugins=[Arm(conversation, tree, wanted)]
    )
    conversation.say(finished=int(code), shared=_shared_modules(), strangers=_strangers(tree, checkout))


def _options() -> list[str]:
    """Keep out the other half of the gate and coverage, and let what a benchmark prints reach the log."""
    options = ["-p", "no:messenger_gate", "--capture=no", "--continue-on-collection-errors", "-q"]
    options += ["--no-cov"] if find_spec("pytest_cov") else []
    # The parent has imported what both sides share, plugins too, and to a project a warning may be an error.
    options += ["-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"]
    return [*options, "--benchmark-enable"]


def _shared_modules() -> list[str]:
    """Name what was imported from installed packages: both sides can inherit it."""
    return [name for name, path in _imported() if "site-packages" in path or "dist-packages" in path]


def _strangers(tree: str, checkout: str) -> list[str]:
    """Name what came from the checkout of the repository, or is an installed copy of the product."""
    # A virtual environment, or Python itself, may stand inside the checkout.
    python = [path for path in map(os.path.realpath, (sys.prefix, sys.base_prefix)) if path != checkout]
    elsewhere = [os.path.realpath(tree), os.path.dirname(os.path.realpath(__file__))]
    elsewhere += [path for path in python if _within(path, checkout)]
    product = _product(tree)
    found = []
    for name, path in _imported():
        real = os.path.realpath(path) if path else ""
        suspicious = _within(real, checkout) or (real and name.partition(".")[0] == product)
        if suspicious and not any(_within(real, place) for place in elsewhere):
            found.append(f"{name} ({path})")
    return found


def _product(tree: str) -> str:
    """Return the package that the project in *tree* is named after, if its name is told."""
    try:
        with open(os.path.join(tree, "pyproject.toml"), "rb") as file:
            name = tomllib.load(file).get("project", {}).get("name", "")
    except (OSError, ValueError):
        return ""
    return re.sub(r"[-.]+", "_", str(name))


def _within(path: str, folder: str) -> bool:
    return path.startswith(os.path.join(folder, ""))


def _imported() -> list[tuple[str, str]]:
    return [(name, getattr(module, "__file__", None) or "") for name, module in list(sys.modules.items())]


def _first_quartile(seconds: list[float]) -> float:
    return sorted(seconds)[len(seconds) // 4]


def _stay_on(core: int | None) -> None:
    """Move this thread to *core*, where the other side is timed as well; None is anywhere."""
    if core is not None:
        os.sched_setaffinity(0, {core})


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep the garbage collector and tracers out of the slices, and this thread where they put it."""
    collecting, tracer, profiler = gc.isenabled(), sys.gettrace(), sys.getprofile()
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    gc.collect()
    gc.freeze()
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
