"""Tasks created over HTTP: a server process between a socket here and PostgreSQL, and what each takes.

PostgreSQL keeps what it commits; on a Unix socket, as the server of the extra does.
"""

import selectors
from statistics import median
from time import perf_counter_ns

import msgspec
import psycopg
import pytest

from messenger.workflow import Step, Template, check_input
from messenger.workflow.http.shapes import CreatedBody, Creation
from messenger.workflow.json_value import encode_json
from messenger.workflow.queries import query

from .http_client import Connection, request, serving

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


def creation_of(template):
    path = f"/v1/workflows/{template.namespace}/{template.name}/tasks"
    return request("POST", path, msgspec.json.encode({"input": INPUT}))


HEALTH = request("GET", "/healthz")


@pytest.fixture(scope="module")
def port(database):
    """Where a server process listens that knows all templates."""
    with serving(database) as port:
        connection = Connection(port)
        for template in TEMPLATES:
            path = f"/v1/workflows/{template.namespace}/{template.name}"
            assert connection.ask(request("PUT", path, msgspec.json.encode(template)))[0] == b"200"
        yield port
        connection.socket.close()


@pytest.fixture
def connection(port):
    connection = Connection(port)
    yield connection
    connection.socket.close()


@pytest.fixture
def beside_it(database, port):
    """A connection to the database that the server works on."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(query("start_session"))
        yield connection


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
def bench_create(benchmark, connection, beside_it, template, pytestconfig):
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
        sql_us=median_us(create_by_sql(beside_it, template), times),
    )


@beside
@of_each
def bench_create_by_sql(benchmark, beside_it, template):
    """The floor: the same statement from here, and nothing between."""
    benchmark.group = f"task creation, {template.name}"

    _, new = benchmark.pedantic(create_by_sql(beside_it, template), rounds=ROUNDS, warmup_rounds=200)

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
