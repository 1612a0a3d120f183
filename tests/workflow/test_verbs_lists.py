"""`messenger workflow tasks` and `dead-letters`: what is listed, and how."""

import json
import re
from functools import partial

import pytest

from .conftest import new_database
from .verbs import on_a_terminal

TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"


@pytest.fixture
def three(command):
    """Tasks that are in error, complete and pending."""
    return _with_three(command)


@pytest.fixture(scope="module")
def database_of_all(postgres_url, migrated):
    with new_database(postgres_url, migrated) as url:
        yield url


@pytest.fixture
def still_three(database_of_all, command_on):
    """The same, for tests that change nothing."""
    command = partial(command_on, database_of_all)
    return command if command("tasks")[1] else _with_three(command)


def _with_three(command):
    command("submit", "orders", "--input", '{"items": []}', "--key", "order 1")
    command("submit", "orders", "--input", '{"items": [1]}')
    command("work", "orders", "--once")
    command("submit", "orders", "--input", "{}")
    return command


def test_the_latest_task_comes_first(still_three):
    status, out, err = still_three("tasks")

    assert (status, err) == (0, "")
    assert [line.split() for line in re.sub(TIME, "TIME", out).splitlines()] == [
        ["task", "created", "ended", "state", "workflow", "key"],
        ["3", "TIME", "pending", "orders", "1"],
        ["2", "TIME", "TIME", "complete", "orders", "1"],
        ["1", "TIME", "TIME", "error", "orders", "1", "order", "1"],
    ]


@pytest.mark.parametrize(
    ("argv", "numbers"),
    [
        ([], [3, 2, 1]),
        (["--limit", "2"], [3, 2]),
        (["--before", "3", "--limit", "1"], [2]),
        (["--state", "error"], [1]),
        (["--state", "error", "--state", "pending"], [3, 1]),
        (["--state", "waiting"], []),
    ],
)
def test_tasks_are_chosen_by_state_and_page_by_page(still_three, argv, numbers):
    status, out, _ = still_three("tasks", "--json", *argv)

    assert (status, [task["task_id"] for task in json.loads(out)]) == (0, numbers)


def test_dead_letters_say_why(still_three):
    status, out, err = still_three("dead-letters")

    assert (status, err) == (0, "")
    assert [line.split() for line in re.sub(TIME, "TIME", out).splitlines()] == [
        ["when", "task", "workflow", "step", "attempts", "reason"],
        ["TIME", "1", "orders", "charge", "2", "ValueError:", "nothing", "to", "pay", "for"],
    ]


def test_a_dead_letter_is_gone_when_someone_has_seen_to_it(three):
    [letter] = json.loads(three("dead-letters", "--json")[1])
    assert letter["snapshot"]["input"] == {"items": []}

    three("cancel", "1")

    assert three("dead-letters", "--json") == (0, "[]\n", "")
    assert len(json.loads(three("dead-letters", "--json", "--all")[1])) == 1
    assert three("dead-letters", "--json", "--all", "--before", str(letter["dead_letter_id"]))[1] == "[]\n"


def test_a_line_has_no_more_columns_than_the_terminal(still_three, database_of_all):
    """What wraps is no table."""
    status, shown, _ = on_a_terminal("dead-letters", "--url", database_of_all, COLUMNS=70)

    lines = shown.splitlines()
    assert (status, max(map(len, lines)), lines[1][-1]) == (0, 70, "…")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["tasks"], "there are no tasks yet"),
        (["tasks", "--state", "error"], "there are no such tasks"),
        (["dead-letters"], "there are no dead letters that nobody has seen to"),
        (["dead-letters", "--all"], "there are no dead letters\n"),
    ],
)
def test_nothing_is_said_to_be_nothing(quiet_database, command_on, argv, words):
    """On stderr, for a table without rows is no result."""
    status, out, err = command_on(quiet_database, *argv)

    assert (status, out) == (0, "")
    assert words in err


@pytest.mark.parametrize(
    "argv", [["tasks", "--limit", "0"], ["tasks", "--state", "failed"], ["dead-letters", "--before", "x"]]
)
def test_nonsense_is_wrong_usage(quiet_database, command_on, argv):
    status, out, _ = command_on(quiet_database, *argv)

    assert (status, out) == (2, "")
