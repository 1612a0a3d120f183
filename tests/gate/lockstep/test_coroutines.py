"""Benchmarks whose call only makes a coroutine: nothing of them would be timed, so nothing is."""

import pytest

from .shop import FILES, make, measure, rows

BENCHES = """
import functools, types, pytest, shop

async def work(): shop.parse()
async def stream(): yield shop.parse()

class Worker:
    async def __call__(self): shop.parse()
    async def work(self): shop.parse()

@types.coroutine
def old(): yield shop.parse()

GIVEN = {
    "function": work,
    "partial": functools.partial(functools.partial(work)),
    "method": Worker().work,
    "object": Worker(),
    "lambda": lambda: work(),
    "stream": stream,
    "lambda-stream": lambda: stream(),
    "old": old,
}

@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN.keys())
def test_plain(benchmark, given): benchmark(given)

@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN.keys())
def test_pedantic(benchmark, given): benchmark.pedantic(given, rounds=30, iterations=1)

@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN.keys())
def test_iterated(benchmark, given): benchmark.pedantic(given, rounds=30, iterations=10)

def test_late(benchmark):
    calls = []
    def fail_late():
        calls.append(1)
        assert len(calls) < 10, "too often"
    benchmark.pedantic(fail_late, rounds=30)

def test_driven(benchmark):
    def drive():
        with pytest.raises(StopIteration): work().send(None)
    benchmark(drive)
"""
GIVEN = ["function", "partial", "method", "object", "lambda", "stream", "lambda-stream", "old"]


@pytest.fixture(scope="module")
def duel(tmp_path_factory):
    folder = make(tmp_path_factory.mktemp("async"), FILES | {"tests/test_speed.py": BENCHES})
    with pytest.MonkeyPatch.context() as monkeypatch:
        return measure(monkeypatch, folder, timeout_seconds=10.0)


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("how", ["plain", "pedantic", "iterated"])
def test_a_coroutine_is_refused_with_the_way_to_time_it(duel, how, given):
    """It would look a thousand times as fast as it is, and no slowdown of it would ever show."""
    row = rows(duel)[f"test_{how}[{given}]"]

    assert row.change is None
    assert row.note.startswith("failed in head: calling ")
    assert "benchmark(lambda: runner.run(batch()))" in row.note


def test_what_drives_a_coroutine_itself_is_measured(duel):
    assert rows(duel)["test_driven"].change is not None


def test_a_benchmark_that_fails_while_it_is_timed_costs_itself_alone(duel):
    """Both sides go on with the next one."""
    assert "too often" in rows(duel)["test_late"].note
