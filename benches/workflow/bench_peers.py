"""Peers of the workflow engine: three durable steps one after the other, on the same PostgreSQL."""

import pytest

from .conftest import new_database
from .peers.measure import PEERS, PeerMissing, measure

# What stands beside the engine is not ours to slow down: comparing two commits leaves it out.
beside = pytest.mark.gate(skip=True)

# Workflows that are timed, by how many are in flight.
WORKFLOWS = {64: 960, 1: 200}
UNTIMED_WORKFLOWS = 8


@pytest.fixture
def empty_database(server):
    """The URL of a database with nothing in it."""
    with new_database(server.url) as url:
        yield url


@beside
@pytest.mark.parametrize("in_flight", WORKFLOWS, ids=lambda number: f"{number}-in-flight")
@pytest.mark.parametrize("peer", PEERS)
def bench_peer(benchmark, empty_database, peer, in_flight):
    """A round is all that the peer's processes do, from start to end; its figures are in extra_info."""
    workflows = UNTIMED_WORKFLOWS if benchmark.disabled else WORKFLOWS[in_flight]
    benchmark.group = f"linear(3), {in_flight} in flight"

    try:
        measured = benchmark.pedantic(measure, args=(peer, empty_database, in_flight, workflows), rounds=1)
    except PeerMissing as error:
        pytest.skip(str(error))

    benchmark.extra_info["workflows_per_second"] = measured.workflows_per_second
    benchmark.extra_info["latency_p50_ms"] = measured.latency_ms(0.5)
    benchmark.extra_info["latency_p99_ms"] = measured.latency_ms(0.99)
    assert measured.completed == workflows
