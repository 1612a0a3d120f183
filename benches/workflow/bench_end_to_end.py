"""Workflows from their creation until their creator knows the end, by workers that are other processes."""

import asyncio
from contextlib import ExitStack

import msgspec
import pytest

from messenger.workflow.client import Client
from messenger.workflow.state import TaskState

from .catalogue import BY_NAME, NAMESPACE
from .conftest import counted_in, new_database, timed_sizes
from .counted import counted
from .figures import note_rounds
from .http_client import Connection, request, serving
from .programs import program

POLL_SECONDS = 0.05
WORKFLOWS = 640
IN_FLIGHT = (64, 256)

# Processes wake each other: where the kernel puts them makes a difference between runs of the same code.
waking = pytest.mark.gate(min_effect="25%")
# Asking again every 50 ms is what others do who publish their figures; it is not ours to speed up.
beside = pytest.mark.gate(skip=True)

TARGETS = {
    "linear-3": pytest.mark.target(p50="3ms", p99="6ms"),
    "diamond-4": pytest.mark.target(p50="4ms", p99="8ms"),
    "tree-7": pytest.mark.target(p50="5ms", p99="10ms"),
}


def pytest_generate_tests(metafunc):
    if "workers" in metafunc.fixturenames:
        # One workflow at a time gives a second worker nothing to do but to be woken as well.
        many = metafunc.function in (bench_fan, bench_throughput)
        sizes = timed_sizes(metafunc.config, 1, 2) if many else [1]
        metafunc.parametrize("workers", sizes, ids=counted_in("workers"), indirect=True, scope="module")
    if "in_flight" in metafunc.fixturenames:
        sizes = timed_sizes(metafunc.config, *IN_FLIGHT)
        metafunc.parametrize("in_flight", sizes, ids=lambda count: f"{count}in-flight")


def of_each(names, targets=TARGETS):
    found = [pytest.param(BY_NAME[name], marks=targets.get(name, ()), id=name) for name in names]
    return pytest.mark.parametrize("entry", found)


@pytest.fixture(scope="module")
def workers(request, database):
    """So many processes that work on the database."""
    with ExitStack() as stack:
        for _ in range(request.param):
            stack.enter_context(program("worker_process", database))
        yield request.param


@pytest.fixture(scope="module")
def client(database, runner):
    client = runner.run(Client(database).__aenter__())
    yield client
    runner.run(client.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def costs(server, migrated, runner, pytestconfig):
    """What the database does for each workflow of the catalogue, by name and how many are in flight.

    All at once, and before anybody works: how often the log is flushed is counted for all databases, and a
    server process that has nothing to do tells of it up to ten seconds later.
    """
    wanted = [(name, 1) for name in BY_NAME] + [("linear-3", count) for count in IN_FLIGHT]
    times = 20
    if pytestconfig.getoption("benchmark_disable"):
        wanted, times = wanted[:1], 2
    with new_database(server.url, migrated) as url:
        return {
            (name, in_flight): runner.run(
                counted(url, BY_NAME[name].workflow, 1, times=times * in_flight, in_flight=in_flight)
            )
            for name, in_flight in wanted
        }


def complete(task, entry):
    return (task.state, task.results[entry.last]) == (TaskState.COMPLETE, entry.result)


@waking
def bench_fan(benchmark, durable, costs, client, runner, workers):
    """Fifty steps at once, and one that waits for all of them."""
    bench_told(benchmark, durable, costs, client, runner, workers, BY_NAME["fan-50"])


@waking
@of_each([name for name in BY_NAME if name != "fan-50"])
def bench_told(benchmark, durable, costs, client, runner, workers, entry):
    """One at a time; the creator is notified of the end."""
    benchmark.group = f"end to end, {entry.name}"
    benchmark.extra_info |= costs.get((entry.name, 1), {})

    task = benchmark.pedantic(
        lambda: runner.run(client.run(entry.workflow, 1)), rounds=rounds_of(entry), warmup_rounds=10
    )

    assert complete(task, entry)
    note_rounds(benchmark)


@pytest.fixture(scope="module")
def http(database):
    """A connection to a server process that has tasks created."""
    with serving(database) as port:
        connection = Connection(port)
        yield connection
        connection.socket.close()


@waking
@of_each(["linear-3", "diamond-4", "tree-7"])
def bench_over_http(benchmark, durable, http, client, runner, workers, entry):
    """One request, which is answered with the results of the task that it creates."""
    benchmark.group = f"end to end, {entry.name}"
    runner.run(client.register(entry.workflow))
    path = f"/v1/workflows/{NAMESPACE}/{entry.name}/tasks?wait=10s"
    data = request("POST", path, b'{"input":1}')

    status, body = benchmark.pedantic(http.ask, (data,), rounds=rounds_of(entry), warmup_rounds=10)

    assert (status, msgspec.json.decode(body)["task"]["results"][entry.last]) == (b"201", entry.result)
    note_rounds(benchmark)


@beside
@of_each(["linear-3", "diamond-4", "tree-7"], targets={})
def bench_polled(benchmark, durable, client, runner, workers, entry):
    """One at a time; the creator asks every 50 ms, as published figures of others have it."""
    benchmark.group = f"end to end, {entry.name}"

    async def main():
        created = await client.create(entry.workflow, 1)
        while not (await client.task(created.task_id)).ended:
            await asyncio.sleep(POLL_SECONDS)
        return await client.task(created.task_id, results=True)

    task = benchmark.pedantic(lambda: runner.run(main()), rounds=20, warmup_rounds=1)

    assert complete(task, entry)
    note_rounds(benchmark)


@waking
@pytest.mark.target(median="320ms")
def bench_throughput(benchmark, durable, costs, client, runner, workers, in_flight):
    """As many as this takes a second; at 2,000 a second, a round of 640 takes 320 ms."""
    entry = BY_NAME["linear-3"]
    benchmark.group = f"end to end, {WORKFLOWS} {entry.name}"
    benchmark.extra_info |= costs.get((entry.name, in_flight), {})

    async def run_some(left):
        done = 0
        while left:
            left.pop()
            done += complete(await client.run(entry.workflow, 1), entry)
        return done

    async def main():
        left = [None] * WORKFLOWS
        return sum(await asyncio.gather(*(run_some(left) for _ in range(in_flight))))

    assert benchmark.pedantic(lambda: runner.run(main()), rounds=5, warmup_rounds=1) == WORKFLOWS
    if benchmark.stats:
        benchmark.extra_info["workflows_per_second"] = round(WORKFLOWS / benchmark.stats.stats.median)


def rounds_of(entry):
    """A p99 takes 100 rounds at least; what takes long has fewer."""
    return 200 if len(entry.workflow.template.steps) < 10 and "batch" not in entry.name else 100
