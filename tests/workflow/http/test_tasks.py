"""Tasks over HTTP: created, waited for, shown and cancelled."""

import pytest

from .conftest import a_template


def test_a_task_is_created(client, path, rows):
    """What was answered is what is stored."""
    answer = client.ask("POST", f"{path}/tasks", {"input": {"items": [1, None, "ü"]}, "priority": -7})

    number = answer.json["task_id"]
    assert (answer.status, answer.json) == (201, {"task_id": number, "new": True})
    assert answer.headers["location"] == f"/v1/tasks/{number}"
    assert rows("SELECT input, priority FROM messenger_workflow.task WHERE task_id = %s", number) == [
        ({"items": [1, None, "ü"]}, -7)
    ]


@pytest.mark.parametrize("by", ["field", "header", "both"])
def test_an_identity_key_creates_once(by, client, path):
    """Who has not seen the answer asks again."""
    body = {} if by == "header" else {"identity_key": "mine, ü"}
    headers = {} if by == "field" else {"idempotency-key": "mine, ü"}

    answers = [client.ask("POST", f"{path}/tasks", body, headers) for _ in range(2)]

    assert [(each.status, each.json["new"]) for each in answers] == [(201, True), (200, False)]
    assert answers[0].json["task_id"] == answers[1].json["task_id"]


def test_two_identity_keys_are_refused(client, path):
    answer = client.ask("POST", f"{path}/tasks", {"identity_key": "a"}, {"idempotency-key": "b"})

    assert answer.code == (400, "bad_fields")


def test_a_body_of_nothing_but_defaults_is_enough(client, path):
    number = client.ask("POST", f"{path}/tasks", {}).json["task_id"]

    shown = client.ask("GET", f"/v1/tasks/{number}").json

    assert (shown["input"], shown["priority"], shown["due_at"]) == (None, 0, None)


def test_a_task_may_be_due_later(client, path):
    created = client.ask("POST", f"{path}/tasks", {"due_at": "2999-01-01T12:00:00+02:00"}).json

    shown = client.ask("GET", f"/v1/tasks/{created['task_id']}").json

    assert shown["due_at"].startswith("2999-01-01T10:00:00")


def test_a_version_may_be_chosen_and_is_the_last_otherwise(client, path, name):
    """Registering one here is seen here at once."""
    assert client.ask("POST", f"{path}/tasks", {}).status == 201
    assert client.ask("PUT", path, a_template(name, version="2")).status == 200
    numbers = [
        client.ask("POST", f"{path}/tasks", body).json["task_id"]
        for body in ({}, {"version": "1"}, {"version": "2"})
    ]

    shown = [client.ask("GET", f"/v1/tasks/{number}").json["version"] for number in numbers]
    assert shown == ["2", "1", "2"]


def test_fields_that_do_not_fit_are_all_named(client, path):
    """With what to write instead; nothing was created."""
    body = {"imput": 1, "priority": 40_000, "due_at": "tomorrow", "version": "a b", "identity_key": ""}

    answer = client.ask("POST", f"{path}/tasks", body)

    detail = {each["place"]: each["text"] for each in answer.json["error"]["detail"]}
    assert answer.code == (400, "bad_fields")
    assert detail.keys() == body.keys()
    assert detail["imput"] == "is no field of a creation; did you mean 'input'?"
    assert "2030-01-31T12:00:00Z" in detail["due_at"]


def test_a_time_without_a_zone_is_refused(client, path):
    answer = client.ask("POST", f"{path}/tasks", {"due_at": "2030-01-01T00:00:00"})

    assert answer.code == (400, "bad_fields")


def test_an_input_that_does_not_fit_its_schema_is_refused_with_its_places(client, name):
    schema = {"properties": {"amount": {"type": "integer"}}, "required": ["to"]}
    client.ask("PUT", f"/v1/workflows/default/{name}", a_template(name, input_schema=schema))

    answer = client.ask("POST", f"/v1/workflows/default/{name}/tasks", {"input": {"amount": "12"}})

    assert answer.code == (422, "bad_input")
    assert answer.json["error"]["detail"] == [
        {"place": "input.to", "text": "is missing"},
        {"place": "input.amount", "text": "is '12', not of type integer"},
    ]


def test_an_input_that_cannot_be_stored_is_refused(client, path):
    """JSON has more than PostgreSQL has room for."""
    assert client.ask("POST", f"{path}/tasks", {"input": "a\0b"}).code == (422, "not_storable")
    assert client.ask("POST", f"{path}/tasks", {"input": "x" * (1 << 20)}).code == (422, "not_storable")


@pytest.mark.parametrize("unknown", ["default/no_such", "elsewhere/no_such", "default/%C3%BC", "a%2Fb/c"])
def test_a_workflow_that_is_not_there_is_not_found(unknown, client):
    assert client.ask("POST", f"/v1/workflows/{unknown}/tasks", {}).code == (404, "not_found")


def test_a_version_that_is_not_there_is_not_found(client, path):
    assert client.ask("POST", f"{path}/tasks", {"version": "9"}).code == (404, "not_found")


def test_a_task_that_is_waited_for_comes_with_its_results(client, worked_on):
    """One round trip from the input to what came of it."""
    answer = client.ask("POST", f"{worked_on}/tasks?wait=30s", {"input": {"a": 1}})

    task = answer.json["task"]
    assert (answer.status, answer.json["new"], task["state"], task["ended"]) == (201, True, "complete", True)
    assert task["results"] == {"echo": {"a": 1}, "after": [{"a": 1}]}
    assert [(step["name"], step["state"]) for step in task["steps"]] == [
        ("echo", "complete"),
        ("after", "complete"),
    ]


def test_waiting_again_by_the_same_key_finds_the_same_end(client, worked_on):
    body = {"input": "x", "identity_key": "waited for twice"}
    answers = [client.ask("POST", f"{worked_on}/tasks?wait=30s", body) for _ in range(2)]

    assert [each.status for each in answers] == [201, 200]
    assert answers[0].json["task"] == answers[1].json["task"]


def test_a_task_that_has_not_ended_in_time_comes_as_it_stands(client, path):
    """Its number is not lost."""
    answer = client.ask("POST", f"{path}/tasks?wait=20ms", {"input": 5})

    task = answer.json["task"]
    assert (answer.status, answer.json["task_id"]) == (202, task["task_id"])
    assert (task["state"], task["ended"], task["results"], task["input"]) == ("pending", False, None, 5)


def test_a_task_can_be_waited_for_later(served, client, path):
    """It is told, and does not ask every second."""
    number = client.ask("POST", f"{path}/tasks", {}).json["task_id"]
    assert client.ask("GET", f"/v1/tasks/{number}?wait=1ms").status == 202

    with served.connect() as other:
        other.send("GET", f"/v1/tasks/{number}?wait=60s")
        assert client.ask("POST", f"/v1/tasks/{number}/cancel").status == 200
        answer = other.read()

    assert (answer.status, answer.json["state"]) == (200, "cancelled")


@pytest.mark.parametrize("wait", ["wait=2", "wait=-1s", "wait=61s", "wait=", "wait=nans", "wait=1s&wait=2s"])
def test_a_wait_that_is_none_is_refused(wait, client, path):
    assert client.ask("POST", f"{path}/tasks?{wait}", {}).code == (400, "bad_query")


def test_a_client_that_hangs_up_is_waited_for_no_longer(served, client, path):
    """Its place is another's."""
    with served.connect() as other:
        other.send("POST", f"{path}/tasks?wait=60s", {})
        wait_for_waiting(client, 1)

    wait_for_waiting(client, 0)


def wait_for_waiting(client, number):
    while f'in_flight{{kind="waiting"}} {number}\n'.encode() not in client.ask("GET", "/metrics").body:
        pass


def test_a_task_is_shown(client, path, name):
    number = client.ask("POST", f"{path}/tasks", {"input": [1], "identity_key": "k"}).json["task_id"]

    answer = client.ask("GET", f"/v1/tasks/{number}")

    shown = answer.json
    created_at = shown.pop("created_at")
    assert answer.status == 200
    assert created_at.endswith("Z")
    assert shown.pop("steps")[1] == {
        "name": "second",
        "state": "pending",
        "states": {"pending": 1},
        "attempt": 0,
        "max_attempts": 3,
        "error": None,
    }
    assert shown == {
        "task_id": number,
        "namespace": "default",
        "workflow": name,
        "version": "1",
        "identity_key": "k",
        "state": "pending",
        "ended": False,
        "priority": 0,
        "due_at": None,
        "finished_at": None,
        "input": [1],
    }


def test_results_are_shown(client, worked_on):
    number = client.ask("POST", f"{worked_on}/tasks?wait=30s", {"input": 7}).json["task_id"]

    answer = client.ask("GET", f"/v1/tasks/{number}/results")

    assert answer.json == {"task_id": number, "state": "complete", "results": {"echo": 7, "after": [7]}}


@pytest.mark.parametrize(
    "number", ["999999999", "0", "-1", "1.5", "x", str(2**63), str(10**30), "%31%30%30%30"]
)
@pytest.mark.parametrize(("method", "rest"), [("GET", ""), ("GET", "/results"), ("POST", "/cancel")])
def test_a_task_that_is_not_there_is_not_found(method, rest, number, client):
    assert client.ask(method, f"/v1/tasks/{number}{rest}").code == (404, "not_found")


def test_a_task_is_cancelled_with_a_reason(client, path, rows):
    number = client.ask("POST", f"{path}/tasks", {}).json["task_id"]

    answers = [client.ask("POST", f"/v1/tasks/{number}/cancel", {"reason": "a whim"}) for _ in range(2)]

    assert [each.status for each in answers] == [200, 200]
    assert client.ask("GET", f"/v1/tasks/{number}").json["state"] == "cancelled"
    reasons = rows("SELECT reason FROM messenger_workflow.task_transition WHERE task_id = %s", number)
    assert reasons == [("a whim",)]


def test_a_task_that_is_complete_cannot_be_cancelled(client, worked_on):
    number = client.ask("POST", f"{worked_on}/tasks?wait=30s", {}).json["task_id"]

    assert client.ask("POST", f"/v1/tasks/{number}/cancel").code == (409, "wrong_state")


def test_a_reason_that_cannot_be_stored_is_refused(client, path):
    number = client.ask("POST", f"{path}/tasks", {}).json["task_id"]

    assert client.ask("POST", f"/v1/tasks/{number}/cancel", {"reason": "\0"}).code == (422, "not_storable")
