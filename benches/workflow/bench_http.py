"""Tasks created over HTTP: a server process between a socket here and PostgreSQL, and what each takes.

PostgreSQL keeps what it commits; on a Unix socket, as the server of the extra does.
"""

import os
import selectors
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from statistics import median
from time import perf_counter_ns

import msgspec
import psycopg
import pytest

from messenger.workflow import Step, Template, check_input
from messenger.workflow.http.shapes import CreatedBody, Creation
from messenger.workflow.json_value import encode_json
from messenger.workflow.migrate import migrate
from messenger.workflow.postgres.postgres_server import PostgresServer
from messenger.workflow.postgres.programs import ProgramsMissing
from messenger.workflow.queries import query

ROUNDS = 2000
IN_FLIGHT = 16
CREATIONS = 1600

INPUT = {"order": 4711, "items": ["apples", "pears"], "to": {"city": "Ulm"}}
SCHEMA = {
    "type": "object",
    "required": ["order", "items"],
    "additionalProperties": False,
    "properties": {
        "order": {"type": "integer"},
        "items": {"type": "array", "items": {"type": "string"}},
        "to": {"type": "object", "properties": {"city": {"type": "string", "minLength": 1}}},
    },
}

# Three processes wake each other: where the kernel puts them makes a difference between runs of one commit.
waking = pytest.mark.gate(min_effect="25%")
# What stands beside it is not ours to speed up.
beside = pytest.mark.gate(skip=True)


def of_parents(name, parents):
    steps = tuple(Step(name=each, handler="nobody", depends_on=above) for each, above in parents.items())
    return Template(name, "1", steps, namespace="bench", input_schema=SCHEMA)


TEMPLATES = [
    of_parents("linear-3", {"a": (), "b": ("a",), "c": ("b",)}),
    of_parents("diamond-4", {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}),
    of_parents(
        "tree-7",
        {"a": (), "b": ("a",), "c": ("a",), "d": ("b",), "e": ("b",), "f": ("c",), "g": ("c",)},
    ),
]
of_each = pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)


def request(method, path, body=b""):
    head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def creation_of(template):
    path = f"/v1/workflows/{template.namespace}/{template.name}/tasks"
    return request("POST", path, msgspec.json.encode({"input": INPUT}))


HEALTH = request("GET", "/healthz")


class Connection:
    """One connection that stays open, with as little Python as it can have."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, data):
        self.socket.sendall(data)
        return self.read()

    def read(self):
        """Return the status and the body, which come in one piece, short as they are."""
        head, _, body = self.socket.recv(65536).partition(b"\r\n\r\n")
        assert body.endswith(b"}"), (head, body)
        return head[9:12], body


@pytest.fixture(scope="module")
def http_postgres():
    """A server with its data in a temporary folder: required in CI, skipped where it cannot be."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(PostgresServer())
        except ProgramsMissing as error:
            if "CI" in os.environ:
                raise
            pytest.skip(str(error))
        migrate(server.url)
        yield server.url


@pytest.fixture(scope="module")
def port(http_postgres):
    """Where a server process listens that knows all templates."""
    with serving(http_postgres) as port:
        connection = Connection(port)
        for template in TEMPLATES:
            path = f"/v1/workflows/{template.namespace}/{template.name}"
            assert connection.ask(request("PUT", path, msgspec.json.encode(template)))[0] == b"200"
        yield port
        connection.socket.close()


@contextmanager
def serving(database):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MESSENGER_")}
    command = [sys.executable, "-m", "messenger", "workflow", "serve", "--url", database, "--port", "0"]
    process = subprocess.Popen(command, env=kept, stdout=subprocess.PIPE, text=True)
    try:
        yield int(process.stdout.readline().rpartition(":")[2])
    finally:
        process.terminate()
        process.communicate()


@pytest.fixture
def connection(port):
    connection = Connection(port)
    yield connection
    connection.socket.close()


@pytest.fixture
def database(http_postgres, port):
    """A connection to the database that the server works on."""
    with psycopg.connect(http_postgres, autocommit=True) as database:
        database.execute(query("start_session"))
        yield database


def create_by_sql(database, template):
    """Return what creates a task and nothing else: the server's statement, on a connection that blocks."""
    find = "SELECT template_id FROM template JOIN workflow USING (workflow_id) WHERE name = %s"
    [template_id] = database.execute(find, (template.name,)).fetchone()
    parameters = [f"{{{template_id}}}", [None], [encode_json(INPUT).decode()], "{0}", [None], [False]]
    statement = query("create_tasks")

    def create():
        return database.execute(statement, parameters, prepare=True, binary=True).fetchone()

    return create


def check_creation(template):
    """Return what is done with a body: decoded, encoded as it is stored, and compared with the schema."""
    _, _, body = creation_of(template).partition(b"\r\n\r\n")
    decoder = msgspec.json.Decoder(Creation)

    def check():
        encoded = encode_json(decoder.decode(body).input)
        check_input(msgspec.json.decode(encoded), template.input_schema)
        return encoded

    return check


def median_us(function, times=ROUNDS):
    took = []
    for _ in range(times):
        began = perf_counter_ns()
        function()
        took.append(perf_counter_ns() - began)
    return round(median(took) / 1e3, 1)


def note(benchmark, **parts):
    """Note the percentiles, which a table of quartiles lacks, and the parts."""
    benchmark.extra_info |= parts
    if benchmark.stats:
        ordered = benchmark.stats.stats.sorted_data
        for percent in (50, 99):
            benchmark.extra_info[f"p{percent}_us"] = round(ordered[len(ordered) * percent // 100] * 1e6, 1)


@waking
@pytest.mark.target(p50="1ms", p99="5ms")
@of_each
def bench_create(benchmark, connection, database, template, pytestconfig):
    """From the write of a request to the read of the new task's number, one at a time."""
    benchmark.group = f"task creation, {template.name}"
    data = creation_of(template)

    status, body = benchmark.pedantic(connection.ask, (data,), rounds=ROUNDS, warmup_rounds=200)

    assert (status, msgspec.json.decode(body, type=CreatedBody).new) == (b"201", True)
    times = 5 if pytestconfig.getoption("benchmark_disable") else ROUNDS
    note(
        benchmark,
        http_us=median_us(lambda: connection.ask(HEALTH), times),
        validation_us=median_us(check_creation(template), times),
        sql_us=median_us(create_by_sql(database, template), times),
    )


@beside
@of_each
def bench_create_by_sql(benchmark, database, template):
    """The floor: the same statement from here, and nothing between."""
    benchmark.group = f"task creation, {template.name}"

    _, new = benchmark.pedantic(create_by_sql(database, template), rounds=ROUNDS, warmup_rounds=200)

    assert new is True
    note(benchmark)


@waking
@pytest.mark.benchmark(group="task creation, parts of it")
def bench_health(benchmark, connection):
    """HTTP alone: a request that needs nothing."""
    status, _ = benchmark.pedantic(connection.ask, (HEALTH,), rounds=ROUNDS, warmup_rounds=200)

    assert status == b"200"
    note(benchmark)


@pytest.mark.benchmark(group="task creation, parts of it")
def bench_validation(benchmark):
    """Decoding, encoding and the schema alone."""
    assert msgspec.json.decode(benchmark(check_creation(TEMPLATES[0]))) == INPUT


@waking
@pytest.mark.benchmark(group=f"{CREATIONS:,} tasks created, {IN_FLIGHT} in flight")
def bench_throughput(benchmark, port):
    """As many as this takes a second, on so many connections."""
    connections = [Connection(port) for _ in range(IN_FLIGHT)]
    data = creation_of(TEMPLATES[0])

    created = benchmark.pedantic(ask_all, (connections, data), rounds=5, warmup_rounds=1)

    assert created == CREATIONS
    for connection in connections:
        connection.socket.close()
    if benchmark.stats:
        benchmark.extra_info["tasks_per_second"] = round(CREATIONS / benchmark.stats.stats.median)


def ask_all(connections, data):
    """Ask on whichever connection has just answered; return how many tasks there are now."""
    created, left = 0, CREATIONS - len(connections)
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.socket.sendall(data)
        while selector.get_map() and created < CREATIONS:
            for key, _ in selector.select():
                created += key.data.read()[0] == b"201"
                if left:
                    left -= 1
                    key.data.socket.sendall(data)
    return created
