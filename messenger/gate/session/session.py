"""Session: what the gate adds to a pytest session that times benchmarks."""

import json
import platform
from collections.abc import Generator
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from ..error import GateError
from ..git import read_commit
from ..machine import capture
from ..paths import relative_paths
from ..process import STAMP_KEY, STAMP_SCHEMA, Stamp
from ..reference import reference_ns, time_slice
from ..selection import matches_any
from ..settings import read_settings
from ..source import find_sources
from ..target import BadTarget, measure_target, parse_targets
from .coroutine import guard_fixture

# One for each interpreter: two sessions in one process share its memory layout, and are one sample.
_PROCESS = uuid4().hex
_REFERENCE_EVERY_SECONDS = 0.3
# At both ends and in between: where two virtual processors share a core, whatever runs on the other one
# halves our speed for tenths of a second, and few slices at one moment would see only that.
_SLICES_AT_ENDS = 40
_SLICES_BETWEEN = 15


class GateSession:
    """Hooks that narrow the session, hold targets, time the reference loop and stamp the report."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        try:
            self.settings = read_settings(config.rootpath)
            self._names = _read_names(config.getoption("gate_names"))
        except GateError as error:
            raise pytest.UsageError(str(error)) from error
        self._only: tuple[str, ...] = tuple(config.getoption("gate_only"))
        self._slices: list[int] = []
        self._timed_at = 0.0
        self._events = config.getoption("gate_events")
        self.benchmarks: set[str] = set()
        self.q25_ns: dict[str, float] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Drop what was not asked for, and read every target before an hour is spent on measuring."""
        if self._only or self._names is not None:
            dropped = [item for item in items if not (_is_benchmark(item) and self._asks_for(item.nodeid))]
            config.hook.pytest_deselected(items=dropped)
            items[:] = [item for item in items if _is_benchmark(item) and self._asks_for(item.nodeid)]
        for item in items:
            if _is_benchmark(item):
                self.benchmarks.add(item.nodeid)
                _targets_of(item)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Tell a measuring parent what will be measured, and time the first slices."""
        if self._config.option.collectonly:
            return
        self._tell(stamp=msgspec.to_builtins(self._first_stamp), benchmarks=len(self.benchmarks))
        if self.benchmarks:
            self._time_reference(_SLICES_AT_ENDS)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        """Keep coroutines from the fixture: how fast one is made says nothing of what it does."""
        fixture = yield
        if fixturedef.argname == "benchmark" and hasattr(fixture, "_make_runner"):
            guard_fixture(fixture)
        return fixture

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Hold the targets of a benchmark that has just been timed."""
        result = yield
        fixture: Any = getattr(item, "funcargs", {}).get("benchmark")
        stats = getattr(fixture, "stats", None)
        if stats:
            self.q25_ns[item.nodeid] = stats.stats.q1 * 1e9
            try:
                _hold_targets(item, fixture, stats)
            except BadTarget as error:
                fixture.has_error = True
                pytest.fail(f"target of {item.nodeid}: {error}", pytrace=False)
        return result

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Count a benchmark, and see how fast the machine is by now."""
        if nodeid not in self.benchmarks:
            return
        self._tell(finished=nodeid, q25_ns=self.q25_ns.get(nodeid))
        if monotonic() - self._timed_at >= _REFERENCE_EVERY_SECONDS:
            self._time_reference(_SLICES_BETWEEN)

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_benchmark_generate_machine_info(self) -> dict[str, Any] | None:
        """Spare a measured process pytest-benchmark's own look at the processor; the stamp holds ours.

        That look takes 0.7 s a process, more than many a suite.
        """
        return {"system": platform.system()} if self._events else None

    @pytest.hookimpl(optionalhook=True)
    def pytest_benchmark_update_json(self, output_json: dict[str, Any]) -> None:
        """Stamp the report that pytest-benchmark is about to write."""
        output_json[STAMP_KEY] = msgspec.to_builtins(self.stamp())
        if self._events:
            # The parent reads quartiles only, and a fast benchmark has 200,000 rounds.
            for entry in output_json["benchmarks"]:
                entry["stats"].pop("data", None)

    def stamp(self, *, at_end: bool = True) -> Stamp:
        """Say what this session was, and how fast the machine has been up to now."""
        self._time_reference(_SLICES_AT_ENDS if at_end else _SLICES_BETWEEN)
        return msgspec.structs.replace(self._first_stamp, reference_ns=reference_ns(self._slices))

    def _asks_for(self, name: str) -> bool:
        if self._names is not None and name not in self._names:
            return False
        return not self._only or matches_any(self._only, name)

    def _tell(self, **event: object) -> None:
        if self._events:
            with Path(self._events).open("a", encoding="utf-8") as file:
                file.write(json.dumps(event) + "\n")

    def _time_reference(self, slices: int) -> None:
        self._slices.extend(time_slice() for _ in range(slices))
        self._timed_at = monotonic()

    @cached_property
    def _first_stamp(self) -> Stamp:
        config = self._config
        return Stamp(
            schema_version=STAMP_SCHEMA,
            process=_PROCESS,
            environment=capture(self.settings.packages),
            reference_ns=None,
            commit=read_commit(config.rootpath, self.settings.baselines),
            paths=relative_paths(config.args, config.invocation_params.dir, config.rootpath),
            only=self._only,
            sources=find_sources(config.rootpath, self.benchmarks),
        )


def _read_names(path: str | None) -> frozenset[str] | None:
    if path is None:
        return None
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=frozenset[str])
    except (OSError, msgspec.DecodeError) as error:
        raise GateError(
            f"--gate-names {path}: {error}; it must be a file with a JSON list of names"
        ) from error


def _is_benchmark(item: pytest.Item) -> bool:
    return "benchmark" in getattr(item, "fixturenames", ())


def _targets_of(item: pytest.Item) -> dict[str, float]:
    """Read the targets of *item* by statistic, in seconds; the marker nearest to the test wins."""
    found: dict[str, float] = {}
    for marker in reversed(list(item.iter_markers("target"))):
        try:
            found |= parse_targets(marker.args, marker.kwargs)
        except BadTarget as error:
            raise pytest.UsageError(f"target marker of {item.nodeid}: {error}") from error
    return found


def _hold_targets(item: pytest.Item, fixture: Any, stats: Any) -> None:
    records = [
        measure_target(
            statistic,
            seconds,
            stats=stats.stats,
            iterations=stats.iterations,
            extra_info=fixture.extra_info,
        )
        for statistic, seconds in _targets_of(item).items()
    ]
    if records:
        builtins = [msgspec.to_builtins(record) for record in records]
        fixture.extra_info["target"] = builtins[0] if len(builtins) == 1 else builtins
