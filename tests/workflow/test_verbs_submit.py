"""`messenger workflow submit`: what it creates, prints and waits for."""

import io
import json
import sys

import pytest

from .verbs import run

TEMPLATE = """
name: orders
version: "7"
steps:
  - name: reserve
    handler: reserve
"""


def test_the_number_of_the_task_is_the_result(command):
    """A script takes it, and shows or cancels the task later."""
    assert command("submit", "orders:orders", "--input", '{"items": [1]}') == (0, "1\n", "")
    assert command("submit", "orders", "--input", "{}") == (0, "2\n", "")


def test_json_says_whether_it_is_new(command):
    first = command("submit", "orders", "--input", "{}", "--key", "a", "--json")
    status, out, err = command("submit", "orders", "--input", "{}", "--key", "a", "--json")

    assert first == (0, '{"task_id":1,"new":true}\n', "")
    assert (status, json.loads(out)) == (0, {"task_id": 1, "new": False})
    assert "task 1 was created with this key before" in err


@pytest.mark.parametrize(
    ("name", "text"),
    [("o.yaml", TEMPLATE), ("o.json", '{"name":"o","version":"1","steps":[{"name":"a","handler":"a"}]}')],
)
def test_a_template_file_needs_no_module(command, project, name, text):
    """Who creates a task may run no Python."""
    (project / name).write_text(text)

    assert command("submit", name)[:2] == (0, "1\n")


def test_the_input_may_be_a_file_or_come_in(command, project, monkeypatch):
    (project / "input.json").write_text('{"items": [1, 2]}')
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"items": [3]}')))

    assert command("submit", "orders", "--input-file", "input.json")[0] == 0
    assert command("submit", "orders", "--input-file", "-")[0] == 0

    assert json.loads(command("show", "1", "--json")[1])["input"] == {"items": [1, 2]}
    assert json.loads(command("show", "2", "--json")[1])["input"] == {"items": [3]}


def test_priority_and_time_are_kept(command):
    command("submit", "orders", "--input", "{}", "--priority", "-7", "--due-at", "2030-01-01T01:00:00+01:00")

    task = json.loads(command("show", "1", "--json")[1])
    assert (task["priority"], task["due_at"]) == (-7, "2030-01-01T00:00:00Z")


def test_results_are_what_waiting_ends_with(command, database):
    """In the template's order; and nothing else is on stdout."""
    command("submit", "orders", "--input", '{"items": [1]}', "--key", "a")
    command("work", "orders", "--once")

    status, out, _ = command("submit", "orders", "--input", "{}", "--key", "a", "--wait")

    assert (status, out) == (0, '{"reserve":{"items":[1]},"charge":1}\n')


def test_a_task_in_error_is_a_no(command):
    command("submit", "orders", "--input", '{"items": []}', "--key", "a")
    command("work", "orders", "--once")

    status, out, err = command("submit", "orders", "--input", "{}", "--key", "a", "--wait", "--json")

    assert (status, json.loads(out)["state"]) == (1, "error")
    assert "task 1 orders 1: error, 1 of 2 steps complete, 1 in error; see: messenger workflow show 1" in err


def test_a_task_that_goes_on_is_neither(command):
    """It is kept, whoever gives up."""
    status, out, err = command("submit", "orders", "--input", "{}", "--wait", "--timeout-seconds", "0.01")

    assert (status, out) == (3, "")
    assert "task 1 has not ended within 0.01 s, and goes on" in err
    assert command("show", "1")[0] == 0


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["nosuch"], "there is no module 'nosuch'"),
        (["nosuch.yaml"], "cannot read 'nosuch.yaml': No such file or directory"),
        (["."], "'.' is no name of a module"),
        (["bad.yaml"], "line 2: "),
        (["empty.json"], "this is not JSON"),
        (["orders", "--input", "items"], "it is not JSON"),
        (["orders", "--input", "[" * 5000], "it is not JSON"),
        (["orders", "--input", "7"], "input is 7, not of type object"),
        (["orders", "--input", '{"a": "\\u0000"}'], "the character U+0000"),
        (["orders", "--input-file", "none.json"], "cannot read 'none.json'"),
        (["orders", "--input-file", "bad.yaml"], "bad.yaml is not JSON"),
        (["orders", "--input", "{}", "--input-file", "-"], "give one of them"),
        (["orders", "--input", "{}", "--key", ""], "identity_key has 0 characters"),
        (["orders", "--input", "{}", "--key", "x" * 501], "identity_key has 501 characters"),
        (["orders", "--input", "{}", "--priority", "40000"], "-32768<=x<=32767"),
        (["orders", "--input", "{}", "--due-at", "tomorrow"], "as in 2026-01-31T08:00:00Z"),
        (["orders", "--input", "{}", "--due-at", "2030-01-01T00:00"], "no time with its zone"),
        (["orders", "--input", "{}", "--due-at", "9999-12-31T23:59:59-12:00"], "no time with its zone"),
        (["orders", "--input", "{}", "--timeout-seconds", "1"], "give --wait as well"),
        (["orders", "--input", "{}", "--wait", "--timeout-seconds", "nan"], "--timeout-seconds"),
        (["orders", "\udcff"], "Got unexpected extra argument"),
        (["\udcff"], "it is not UTF-8"),
        ([], "Missing argument"),
    ],
)
def test_what_cannot_be_submitted_creates_nothing(command_on, quiet_database, project, argv, words):
    (project / "bad.yaml").write_text("name: orders\nversion: 1\n")
    (project / "empty.json").write_text("")

    status, out, err = command_on(quiet_database, "submit", *argv)

    assert (status, out) == (2, "")
    assert words in err
    assert command_on(quiet_database, "tasks", "--json")[1] == "[]\n"


def test_a_changed_template_needs_another_version(command, project):
    """Tasks rely on what they were made from."""
    (project / "o.yaml").write_text(TEMPLATE)
    (project / "changed.yaml").write_text(TEMPLATE.replace("reserve", "charge"))
    command("submit", "o.yaml")

    status, _, err = command("submit", "changed.yaml")

    assert status == 2
    assert "orders 7 is registered with other content" in err


def test_a_database_that_is_not_ready_says_what_to_run(project, empty_database):
    status, out, err = run("submit", "orders", "--input", "{}", "--url", empty_database)

    assert (status, out) == (3, "")
    assert "run: messenger workflow migrate" in err


def test_a_database_that_is_not_there_is_neither_yes_nor_no(project):
    status, out, err = run("submit", "orders", "--input", "{}", "--url", "postgresql://me:pw@localhost:1/x")

    assert (status, out) == (3, "")
    assert "cannot connect to user=me dbname=x" in err
    assert "Traceback" not in err
