"""Notifications, one way: from a process that sends one until others have heard it.

A round goes there and, once all listeners have heard it, back through a pipe; what is promised, p50_seconds
and p99_seconds, is one way, by the clock that processes share.
"""

import sys
from statistics import median
from time import monotonic_ns, perf_counter_ns

import psycopg
import pytest

from .conftest import counted_in, timed_sizes
from .figures import percentiles_us, promised
from .programs import program

CHANNEL = "messenger_bench"
ROUNDS = 500

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="one way takes a clock that processes share; Linux has it"
)
# Processes wake each other: where the kernel puts them makes a difference between runs of the same code.
waking = pytest.mark.gate(min_effect="25%")
# What stands beside the engine is not ours to slow down.
beside = pytest.mark.gate(skip=True)


def pytest_generate_tests(metafunc):
    if "listeners" in metafunc.fixturenames:
        sizes = timed_sizes(metafunc.config, 1, 10, 50)
        metafunc.parametrize("listeners", sizes, ids=counted_in("listeners"))


@pytest.fixture
def connection(database):
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


@waking
@pytest.mark.target(p50="500us", p99="2ms")
def bench_doorbell(benchmark, connection, database, listeners):
    """To connections of one process, each with a doorbell as the engine has it."""
    time_one_way(benchmark, connection, database, "doorbell", listeners)


@beside
def bench_raw(benchmark, connection, database, listeners):
    """The floor: to as many connections, read with libpq in a loop."""
    time_one_way(benchmark, connection, database, "raw", listeners)


def time_one_way(benchmark, connection, url, kind, listeners):
    benchmark.group = f"notify {listeners} listeners"
    took = []
    with program("listener_process", kind, url, CHANNEL, str(listeners)) as listener:

        def send():
            connection.execute(
                "SELECT pg_notify(%s, %s)", (CHANNEL, str(monotonic_ns())), prepare=True, binary=True
            )
            heard = [int(each) for each in listener.stdout.readline().split()]
            took.extend(heard)
            return heard

        heard = benchmark.pedantic(send, rounds=ROUNDS, warmup_rounds=20)

    assert len(heard) == listeners
    assert min(took) > 0
    benchmark.extra_info |= percentiles_us(took, "one_way_") | promised(took)


@waking
def bench_notify_in_a_transaction(benchmark, connection, durable):
    """What it adds to a transaction that writes a row, by turns without it; nobody listens."""
    benchmark.group = "a row, and a notification"
    connection.execute("CREATE TABLE bench_row (number bigint GENERATED ALWAYS AS IDENTITY, payload text)")
    without = []

    def insert():
        began = perf_counter_ns()
        connection.execute("INSERT INTO bench_row (payload) VALUES ('row')", prepare=True)
        without.append(perf_counter_ns() - began)

    def insert_and_notify():
        return connection.execute(
            "WITH row AS (INSERT INTO bench_row (payload) VALUES ('row') RETURNING number) "
            "SELECT pg_notify(%s, number::text), number FROM row",
            (CHANNEL,),
            prepare=True,
        ).fetchone()

    _, number = benchmark.pedantic(insert_and_notify, setup=insert, rounds=ROUNDS, warmup_rounds=20)

    assert connection.execute("SELECT max(number) FROM bench_row").fetchone() == (number,)
    benchmark.extra_info |= percentiles_us(without, "without_")
    if benchmark.stats:
        added_us = (benchmark.stats.stats.median * 1e9 - median(without)) / 1e3
        benchmark.extra_info["added_us"] = round(added_us, 1)
