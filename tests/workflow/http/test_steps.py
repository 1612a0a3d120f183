"""Steps in error over HTTP: found, resolved, tried again."""

import pytest


@pytest.fixture
def failed(client, worked_on):
    """The path of a step in error."""
    answer = client.ask("POST", f"{worked_on}/tasks?wait=30s", {"input": "fail"})
    assert (answer.status, answer.json["task"]["state"]) == (201, "error")
    return f"/v1/tasks/{answer.json['task_id']}/steps/echo"


def task_of(path):
    return path.partition("/steps")[0]


def test_an_error_says_what_the_handler_raised(failed, client):
    echo = client.ask("GET", task_of(failed)).json["steps"][0]

    assert (echo["state"], echo["attempt"], echo["error"]["message"]) == ("error", 1, "it was asked to")


def test_a_step_is_resolved(failed, client):
    """What waited for it runs with what was given."""
    answer = client.ask("POST", f"{failed}/resolve", {"result": {"by": "hand"}, "reason": "known"})

    task = client.ask("GET", f"{task_of(failed)}?wait=30s").json
    assert answer.status == 200
    assert (task["state"], task["results"]["after"]) == ("complete", [{"by": "hand"}])


def test_a_step_tries_again(failed, client):
    assert client.ask("POST", f"{failed}/retry").status == 200

    task = client.ask("GET", f"{task_of(failed)}?wait=30s").json
    assert (task["state"], task["steps"][0]["attempt"]) == ("error", 2)


@pytest.mark.parametrize(("verb", "body"), [("resolve", {"result": 1}), ("retry", {"reason": "again"})])
def test_only_a_step_in_error_is_mended(verb, body, client, worked_on):
    number = client.ask("POST", f"{worked_on}/tasks?wait=30s", {}).json["task_id"]

    assert client.ask("POST", f"/v1/tasks/{number}/steps/echo/{verb}", body).code == (409, "wrong_state")
    assert client.ask("POST", f"/v1/tasks/{number}/steps/ecko/{verb}", body).code == (404, "not_found")
    assert client.ask("POST", f"/v1/tasks/{number}/steps/%00/{verb}", body).code == (404, "not_found")
    assert client.ask("POST", f"/v1/tasks/999999/steps/echo/{verb}", body).code == (404, "not_found")


def test_a_resolution_needs_a_result(failed, client):
    """Null is one, nothing is none."""
    refused = client.ask("POST", f"{failed}/resolve", {"reason": "?"})

    assert refused.code == (400, "bad_fields")
    assert refused.message == "result is missing; write any JSON"
    assert client.ask("POST", f"{failed}/resolve", {"result": None}).status == 200


def test_a_result_that_a_step_cannot_return_is_refused(failed, client):
    assert client.ask("POST", f"{failed}/resolve", {"result": "\0"}).code == (422, "bad_result")


def test_dead_letters_are_listed_until_they_are_settled(failed, client):
    """The latest first, and page by page."""
    number = int(failed.split("/")[3])

    first = client.ask("GET", "/v1/dead-letters?limit=1").json["dead_letters"]
    before = client.ask("GET", f"/v1/dead-letters?before={first[0]['dead_letter_id']}").json["dead_letters"]
    client.ask("POST", f"{failed}/resolve", {"result": 1})
    open_ones = client.ask("GET", "/v1/dead-letters").json["dead_letters"]
    settled = client.ask("GET", "/v1/dead-letters?settled=true&limit=1").json["dead_letters"]

    assert (first[0]["task_id"], first[0]["step"], first[0]["settled_at"]) == (number, "echo", None)
    assert first[0]["snapshot"]["input"] == "fail"
    assert number not in [each["task_id"] for each in before + open_ones]
    assert settled[0]["settled_at"] is not None


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "before=-1", "settled=1", "setled=1"])
def test_a_query_that_cannot_be_is_refused(query, client):
    assert client.ask("GET", f"/v1/dead-letters?{query}").code == (400, "bad_query")
