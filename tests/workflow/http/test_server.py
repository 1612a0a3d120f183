"""The server as a process: it starts, is watched, survives its database, and ends in good order."""

import asyncio
import json
import re
import socket
from contextlib import ExitStack

import jsonschema
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from messenger.workflow.client import Client
from messenger.workflow.command import main
from messenger.workflow.http.api import ROUTES
from messenger.workflow.http.app import App
from messenger.workflow.http.guard import Guard
from messenger.workflow.http.open_api import describe
from messenger.workflow.http.operator import Operator
from messenger.workflow.http.service import Service
from messenger.workflow.migrate import read_migrations
from messenger.workflow.postgres.connection import without_password
from messenger.workflow.postgres.postgres_server import PostgresServer
from messenger.workflow.session import Session

from .conftest import a_template
from .speaking import serving


def test_it_migrates_what_it_serves(empty_database):
    """One command, and there is an engine."""
    with serving(empty_database) as served, served.connect() as client:
        assert client.ask("GET", "/readyz").json == {"ok": True}
        assert served.stop() == (0, served_said(empty_database))


def served_said(database):
    return f"messenger workflow: {without_password(database)}: {len(read_migrations())} migrations applied\n"


def test_a_database_that_is_not_there_is_neither_yes_nor_no(postgres_url, capsys):
    url = make_conninfo(postgres_url, dbname="no_such_thing")

    assert main(["serve", "--url", url, "--port", "0"]) == 3


def test_a_port_that_is_taken_is_told(http_database, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["serve", "--url", http_database, "--port", port]) == 3

    assert f"port {port}" in capsys.readouterr().err


def test_what_is_in_flight_ends_before_it_does(http_database):
    """Who waits for a task is told how it stands, and nobody is cut off."""
    with serving(http_database) as served, served.connect() as client, served.connect() as idle:
        assert client.ask("PUT", "/v1/workflows/default/drained", a_template("drained")).status == 200
        assert idle.ask("GET", "/healthz").status == 200
        client.send("POST", "/v1/workflows/default/drained/tasks?wait=60s", {})
        while b'in_flight{kind="waiting"} 1\n' not in idle.ask("GET", "/metrics").body:
            pass

        code, _ = served.stop()

        answer = client.read()
        assert (code, answer.status, answer.json["task"]["state"]) == (0, 202, "pending")
        assert idle.read() is None


def test_what_never_ends_does_not_keep_it(http_database):
    """A client that sends half a body has the drain time, and no more."""
    with serving(http_database, "--drain-seconds", "0") as served, served.connect() as client:
        client.write(b"POST /v1/tasks/1/cancel HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nab")
        while b'in_flight{kind="working"} 1\n' not in metrics_of(served):
            pass

        code, _ = served.stop()

        assert code == 0


def metrics_of(served):
    with served.connect() as client:
        return client.ask("GET", "/metrics").body


HASTY = """
import resource, sys
from messenger.workflow.command import main
from messenger.workflow.http import app, request, server
server.HEAD_SECONDS = request.BODY_SECONDS = 0.05
app.ANSWER_SECONDS = 0.5
resource.setrlimit(resource.RLIMIT_NOFILE, (110, 110))
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("part", ["", "GET /healthz HTTP/1.1\r\nho", "POST /v1/tasks/1/cancel HTTP/1.1\r\n"])
def test_who_sends_too_slowly_is_hung_up_on(part, hasty):
    """Connections are few, and one that sends nothing costs a client nothing."""
    with hasty.connect() as client:
        client.write(part.encode())
        if part.startswith("POST"):
            client.write(b"host: localhost\r\ncontent-length: 10\r\n\r\n{")

        assert client.read().code == (408, "too_slow")
        assert client.read() is None


def test_who_was_served_may_stay_and_say_nothing(hasty):
    """The time is for a request that has begun."""
    with hasty.connect() as client, hasty.connect() as other:
        assert client.ask("GET", "/healthz").status == 200
        assert other.read().code == (408, "too_slow")  # which began to wait after that one was served
        assert client.ask("GET", "/healthz").status == 200


def test_a_database_that_does_not_answer_is_not_waited_for(hasty, http_database, path, name):
    """It answers others, and may yet do what it was asked."""
    with hasty.connect() as client, psycopg.connect(http_database) as connection:
        connection.execute("LOCK TABLE messenger_workflow.task")
        answer = client.ask("POST", f"{path}/tasks", {"identity_key": name})
        connection.rollback()

        again = client.ask("POST", f"{path}/tasks", {"identity_key": name})

    assert (answer.code, answer.headers["retry-after"]) == ((503, "database_slow"), "1")
    assert again.status == 200


def test_connections_that_are_too_many_are_turned_away(hasty):
    """There is a descriptor left for each that was let in, and for the database."""
    with ExitStack() as stack:
        for _ in range(10):
            served = stack.enter_context(hasty.connect())
            assert served.ask("GET", "/healthz").status == 200  # so that it may stay
        answer = stack.enter_context(hasty.connect()).read()

    assert (answer.code, answer.headers["retry-after"]) == ((503, "busy"), "1")


@pytest.fixture(scope="module")
def hasty(http_database):
    """A server with less patience than others."""
    with serving(http_database, program=("-c", HASTY)) as served:
        yield served


@pytest.fixture(scope="module")
def own_postgres(template):
    with PostgresServer(template=template) as server:
        yield server


def test_it_survives_its_database(own_postgres):
    """Requests are told to come again, and are served when it is back."""
    with serving(own_postgres.url) as served, served.connect() as client:
        path = "/v1/workflows/default/survivor"
        assert client.ask("PUT", path, a_template("survivor")).status == 200
        assert client.ask("POST", f"{path}/tasks", {}).status == 201

        own_postgres.kill()
        away = [
            client.ask("POST", f"{path}/tasks", {}),
            client.ask("GET", "/v1/tasks/1"),
            client.ask("POST", f"{path}/tasks?wait=1s", {}),
            client.ask("GET", "/readyz"),
        ]
        health, metrics = client.ask("GET", "/healthz"), client.ask("GET", "/metrics")
        own_postgres.start()
        while (ready := client.ask("GET", "/readyz")).status == 503:
            pass
        while (back := client.ask("POST", f"{path}/tasks", {})).status == 503:
            pass

        assert {each.status for each in away} == {503}
        assert {each.headers["retry-after"] for each in away} == {"1"}
        assert {each.json["error"]["code"] for each in away} <= {"database_lost", "database_away"}
        assert not any(str(own_postgres.folder) in each.message for each in away)
        assert (health.status, metrics.status) == (200, 200)
        assert b"messenger_database_up 0\n" in metrics.body
        assert (ready.status, back.status) == (200, 201)


def test_metrics_are_what_prometheus_reads(client, path):
    """Each line is a comment or a sample, each sample has a type, and buckets add up."""
    client.ask("POST", f"{path}/tasks", {})
    client.ask("GET", "/no/such/path")

    answer = client.ask("GET", "/metrics")

    text = answer.body.decode()
    line = re.compile(r'(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [0-9.e+-]+)\Z')
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert all(line.match(each) for each in text.splitlines())
    for name in ("queue_steps", "queue_oldest_due_seconds", "dead_letters_open", "tasks_created_total"):
        assert f"\nmessenger_{name}" in text
    create = 'route="/v1/workflows/{namespace}/{name}/tasks"'
    counted = int(re.search(rf"request_seconds_count{{{re.escape(create)}}} (\d+)", text)[1])
    assert f'request_seconds_bucket{{{create},le="+Inf"}} {counted}\n' in text
    assert counted > 0
    assert 'messenger_http_errors_total{code="no_such_path"}' in text
    assert 'route="none",status="404"' in text


def test_metrics_know_how_many_tasks_there_are(client, path, http_database):
    """As the planner does, once it has looked."""
    client.ask("POST", f"{path}/tasks", {})
    with psycopg.connect(http_database, autocommit=True) as connection:
        connection.execute("ANALYZE messenger_workflow.task")

    while b'messenger_tasks_estimated{state="pending"}' not in client.ask("GET", "/metrics").body:
        pass  # figures are up to a second old


def test_the_description_describes_every_route(client):
    found = client.ask("GET", "/openapi.json").json

    assert found == json.loads(json.dumps(describe(ROUTES.routes)))
    assert {(path, method.upper()) for path, methods in found["paths"].items() for method in methods} == {
        (route.path, route.method) for route in ROUTES.routes
    }
    names = [each["operationId"] for methods in found["paths"].values() for each in methods.values()]
    assert len(names) == len(set(names))
    for path, methods in found["paths"].items():
        for operation in methods.values():
            places = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
            assert places == set(re.findall(r"{(\w+)}", path))


def test_the_description_has_schemas_that_hold(client, worked_on):
    """What is answered is what it says is answered."""
    found = client.ask("GET", "/openapi.json").json
    schemas = found["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    references = re.findall(r'"#/components/schemas/(\w+)"', json.dumps(found))
    assert set(references) <= set(schemas)

    def check(name, value):
        schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
        jsonschema.validate(value, schema, jsonschema.Draft202012Validator)

    created = client.ask("POST", f"{worked_on}/tasks?wait=30s", {"input": "fail"}).json
    check("CreatedBody", created)
    check("TaskBody", client.ask("GET", f"/v1/tasks/{created['task_id']}").json)
    check("ResultsBody", client.ask("GET", f"/v1/tasks/{created['task_id']}/results").json)
    check("DeadLettersBody", client.ask("GET", "/v1/dead-letters").json)
    check("Template", client.ask("GET", worked_on).json)
    check("ErrorBody", client.ask("GET", "/nothing").json)
    with pytest.raises(jsonschema.ValidationError):
        check("Creation", {"priority": 1e9})


@pytest.mark.parametrize("query", [b"", b"wait=1s"])
def test_who_comes_when_there_is_no_room_is_told_to_come_again(query, http_database, run):
    """Before anything was done, and not so what watches."""
    client, session = Client(http_database), Session(http_database)
    app = App(Service(client, Operator(session), most_working=0, most_waiting=0), Guard(None))

    full = run(ask(app, "POST", "/v1/workflows/default/orders/tasks", query))
    health = run(ask(app, "GET", "/healthz"))

    assert (full["status"], dict(full["headers"])[b"retry-after"]) == (429, b"1")
    assert json.loads(full["body"])["error"]["code"] == "busy"
    assert health["status"] == 200


def test_a_fault_of_ours_is_told_without_its_traceback(http_database, run, caplog):
    """That is in the log, under a number that the client is told."""
    app = App(Service(Client(http_database), Operator(Session(http_database))), Guard(None))
    header = (b"content-length", b"what no server lets through")

    answer = run(ask(app, "POST", "/v1/workflows/default/orders/tasks", headers=[header]))

    said = json.loads(answer["body"])["error"]
    incident = said["message"].split()[-1]
    assert (answer["status"], said["code"]) == (500, "internal")
    assert "server lets through" not in said["message"]
    assert incident in caplog.text
    assert "ValueError" in caplog.text


@pytest.fixture
def run():
    with asyncio.Runner() as runner:
        yield runner.run


async def ask(app, method, path, query=b"", headers=()):
    """Call the application as a server would."""
    said = {"body": b""}
    scope = {"method": method, "raw_path": path.encode(), "query_string": query, "headers": headers}

    async def receive():
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message):
        said["body"] += message.get("body", b"")
        said.update({key: value for key, value in message.items() if key in ("status", "headers")})

    await app(scope, receive, send)
    return said
