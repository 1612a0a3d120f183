"""Peers of the workflow engine: three durable steps one after the other, on the same PostgreSQL."""

from itertools import count

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from messenger.workflow.postgres.postgres_server import PostgresServer
from messenger.workflow.postgres.programs import ProgramsMissing

from .peers.measure import PEERS, PeerMissing, measure

# What stands beside the engine is not ours to slow down: comparing two commits leaves it out.
beside = pytest.mark.gate(skip=True)

# Workflows that are timed, by how many are in flight.
WORKFLOWS = {64: 960, 1: 200}
UNTIMED_WORKFLOWS = 8

_numbers = count()


@pytest.fixture(scope="module")
def server():
    try:
        with PostgresServer() as server:
            yield server
    except ProgramsMissing as error:
        pytest.skip(str(error))


@pytest.fixture
def database(server):
    """The URL of a database with nothing in it."""
    name = f"peers_{next(_numbers)}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield make_conninfo(server.url, dbname=name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@beside
@pytest.mark.parametrize("in_flight", WORKFLOWS, ids=lambda number: f"{number}-in-flight")
@pytest.mark.parametrize("peer", PEERS)
def bench_peer(benchmark, database, peer, in_flight):
    """A round is all that the peer's processes do, from start to end; its figures are in extra_info."""
    workflows = UNTIMED_WORKFLOWS if benchmark.disabled else WORKFLOWS[in_flight]
    benchmark.group = f"linear(3), {in_flight} in flight"

    try:
        measured = benchmark.pedantic(measure, args=(peer, database, in_flight, workflows), rounds=1)
    except PeerMissing as error:
        pytest.skip(str(error))

    benchmark.extra_info["workflows_per_second"] = measured.workflows_per_second
    benchmark.extra_info["latency_p50_ms"] = measured.latency_ms(0.5)
    benchmark.extra_info["latency_p99_ms"] = measured.latency_ms(0.99)
    assert measured.completed == workflows
