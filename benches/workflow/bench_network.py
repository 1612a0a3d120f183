"""What a database that is further away costs: each round trip to it takes some milliseconds more."""

import asyncio
import tempfile
from contextlib import ExitStack
from statistics import median
from time import perf_counter

import pytest
from psycopg.conninfo import make_conninfo

from messenger.workflow import store
from messenger.workflow.client import Client
from messenger.workflow.session import Session
from messenger.workflow.state import TaskState

from .catalogue import BY_NAME
from .conftest import timed_sizes
from .figures import note_rounds
from .programs import program

WORKFLOWS = 320
IN_FLIGHT = 64

# The network is a process of Python, and nothing of ours.
pytestmark = pytest.mark.gate(skip=True)


def pytest_generate_tests(metafunc):
    sizes = timed_sizes(metafunc.config, 1, 5)
    metafunc.parametrize("distant", sizes, ids=lambda ms: f"{ms}ms-away", indirect=True, scope="module")


@pytest.fixture(scope="module")
def distant(request, database, runner):
    """A client whose database is so many milliseconds away, as is its worker's; and how many it really is."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="messenger-far-"))
        stack.enter_context(program("distant_server", folder, database, str(request.param)))
        url = make_conninfo(database, host=folder, port=5432)
        stack.enter_context(program("worker_process", url))
        client = runner.run(Client(url).__aenter__())
        yield client, runner.run(round_trip_ms(url))
        runner.run(client.__aexit__(None, None, None))


async def round_trip_ms(url):
    """Return what one statement takes: the timers of the way there are coarse."""
    took = []
    async with Session(url) as session:
        for _ in range(20):
            began = perf_counter()
            await store.ended_tasks(session, [1])
            took.append(perf_counter() - began)
    return round(median(took) * 1000, 2)


def bench_distant(benchmark, durable, distant, runner):
    """One at a time.

    Seven round trips: its creation, half a one for the notification, a claim, three results, half a one
    to whoever waits for it, and the answer to that.
    """
    benchmark.group = "from afar, linear-3"
    entry = BY_NAME["linear-3"]
    client, benchmark.extra_info["round_trip_ms"] = distant

    task = benchmark.pedantic(lambda: runner.run(client.run(entry.workflow, 1)), rounds=50, warmup_rounds=3)

    assert (task.state, task.results[entry.last]) == (TaskState.COMPLETE, entry.result)
    note_rounds(benchmark)


def bench_distant_throughput(benchmark, durable, distant, runner):
    """Many at a time share round trips, so that distance costs them less."""
    benchmark.group = f"from afar, {WORKFLOWS} linear-3"
    entry = BY_NAME["linear-3"]
    client, benchmark.extra_info["round_trip_ms"] = distant

    async def run_some(left):
        done = 0
        while left:
            left.pop()
            task = await client.run(entry.workflow, 1)
            done += task.results[entry.last] == entry.result
        return done

    async def main():
        left = [None] * WORKFLOWS
        return sum(await asyncio.gather(*(run_some(left) for _ in range(IN_FLIGHT))))

    assert benchmark.pedantic(lambda: runner.run(main()), rounds=3, warmup_rounds=1) == WORKFLOWS
    if benchmark.stats:
        benchmark.extra_info["workflows_per_second"] = round(WORKFLOWS / benchmark.stats.stats.median)
