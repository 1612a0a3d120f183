"""`messenger workflow cancel`, `resolve` and `retry`: what a person does about a task."""

import json
from functools import partial

import pytest


@pytest.fixture
def failed(command):
    """A task whose step charge is in error."""
    command("submit", "orders", "--input", '{"items": []}')
    command("work", "orders", "--once")
    return command


@pytest.fixture
def still_failed(quiet_database, command_on):
    """The same, for tests that change nothing."""
    command = partial(command_on, quiet_database)
    if command("show", "1")[0] == 2:
        command("submit", "orders", "--input", '{"items": []}')
        command("work", "orders", "--once")
    return command


def step_of(command, name):
    return {step["name"]: step for step in json.loads(command("show", "1", "--json")[1])["steps"]}[name]


def test_a_step_is_resolved_with_its_result(failed):
    assert failed("resolve", "1", "charge", "--result", "17", "--reason", "paid in cash")[0] == 0

    assert step_of(failed, "charge")["state"] == "resolved_manually"
    assert json.loads(failed("show", "1", "--json", "--results")[1])["results"]["charge"] == 17


def test_a_step_tries_again(failed):
    """As often as its template says, counted on from where it was."""
    assert failed("retry", "1", "charge", "--reason", "mended")[0] == 0
    assert step_of(failed, "charge")["state"] == "enqueued"

    failed("work", "orders", "--once")

    step = step_of(failed, "charge")
    assert (step["state"], step["attempt"], step["max_attempts"]) == ("error", 4, 4)


def test_a_task_is_cancelled_once_or_twice(failed):
    assert [failed("cancel", "1", "--reason", "enough")[0] for _ in range(2)] == [0, 0]

    status, out, _ = failed("show", "1")
    assert (status, out.startswith("task 1 orders 1: cancelled, ")) == (1, True)


def test_json_is_all_that_is_on_stdout(failed):
    retried = failed("retry", "1", "charge", "--json")
    cancelled = failed("cancel", "1", "--json")

    assert json.loads(retried[1]) == {"task_id": 1, "step": "charge", "state": "enqueued"}
    assert json.loads(cancelled[1]) == {"task_id": 1, "state": "cancelled"}


def test_a_complete_task_cannot_be_cancelled(command):
    command("submit", "orders", "--input", '{"items": [1]}')
    command("work", "orders", "--once")

    status, out, err = command("cancel", "1", "--json")

    assert (status, out) == (1, "")
    assert "task 1 is complete, so there is nothing to cancel" in err


@pytest.mark.parametrize("verb", [["retry"], ["resolve", "--result", "1"]])
def test_only_a_step_in_error_can_be_mended(still_failed, verb):
    status, _, err = still_failed(*verb, "1", "reserve")

    assert status == 1
    assert "step 'reserve' of task 1 is complete; only one in error can be mended" in err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["cancel", "99"], "there is no task 99"),
        (["retry", "99", "charge"], "there is no task 99 with a step 'charge'"),
        (["retry", "1", "chrage"], "there is no task 1 with a step 'chrage'"),
        (["resolve", "99", "charge", "--result", "1"], "there is no task 99"),
        (["resolve", "1", "chrage", "--result", "1"], "task 1 has no step 'chrage'"),
        (["resolve", "1", "charge", "--result", "paid"], "it is not JSON"),
        (["resolve", "1", "charge", "--result", '"\\u0000"'], "the character U+0000"),
        (["resolve", "1", "charge"], "Missing option '--result'"),
        (["cancel", "0"], "0 is not in the range"),
        (["cancel", "9223372036854775808"], "is not in the range"),
        (["cancel", "one"], "'one' is not a valid integer"),
        (["cancel", "1", "--reason", "\udcff"], "it is not UTF-8"),
        (["retry", "1", "\udcff"], "it is not UTF-8"),
    ],
)
def test_nonsense_is_wrong_usage(still_failed, argv, words):
    status, out, err = still_failed(*argv)

    assert (status, out) == (2, "")
    assert words in err
