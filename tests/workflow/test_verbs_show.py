"""`messenger workflow show`: a task on a terminal, in a file, and while it runs."""

import json
import os
import re

import pytest

from .verbs import on_a_terminal, run, said, start

COLOUR = re.compile(r"\x1b\[\d+m")

FAILED = """\
task 1 orders 1: error, 1 of 2 steps complete, 1 in error
✔ reserve  complete
✘ charge   error     attempt 2 of 2; ValueError: nothing to pay

charge:
"""


@pytest.fixture
def failed(command):
    command("submit", "orders", "--input", '{"items": []}')
    command("work", "orders", "--once")
    return command


def test_a_task_is_drawn_with_what_went_wrong(failed):
    """The first line of the error beside its step, all of it below."""
    status, out, err = failed("show", "1")

    assert (status, out[: len(FAILED)]) == (1, FAILED)
    assert out.endswith("  ValueError: nothing to pay\n  for\n")
    assert "let it try again with: messenger workflow retry 1 charge" in err


def test_a_task_that_goes_on_is_no_failure(command):
    command("submit", "orders", "--input", "{}")

    status, out, err = command("show", "1")

    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "task 1 orders 1: pending, 0 of 2 steps complete, 1 enqueued, 1 pending",
        "◌ reserve  enqueued",
        "○ charge   pending",
    ]


def test_clones_are_one_step_that_is_counted(command):
    """A line for each of 10,000 would say no more."""
    command("submit", "loads:loads")
    command("work", "loads", "--once", "--log-level", "error")

    status, out, _ = command("show", "1")

    assert status == 1
    assert "✘ load   error     9 of 12 ranges; attempt 1 of 1; ValueError: no such row\n" in out


def test_results_are_shown_when_they_are_asked_for(command):
    command("submit", "orders", "--input", '{"items": [1]}')
    command("work", "orders", "--once")

    assert "results" not in command("show", "1")[1]
    shown = command("show", "1", "--results")[1].partition("results:\n")[2]
    assert shown.startswith('  {\n    "reserve": {\n      "items": [\n')
    assert json.loads(shown) == {"reserve": {"items": [1]}, "charge": 1}


def test_json_is_for_programs(failed):
    """Nothing else is on stdout, and no advice beside it."""
    status, out, err = failed("show", "1", "--json")

    task = json.loads(out)
    assert (status, err, task["state"], "results" in task) == (1, "", "error", False)
    assert [(step["name"], step["state"], step["depends_on"]) for step in task["steps"]] == [
        ("reserve", "complete", []),
        ("charge", "error", ["reserve"]),
    ]
    assert json.loads(failed("show", "1", "--json", "--results")[1])["results"] == {"reserve": {"items": []}}


@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": 1}, False)])
def test_a_terminal_gets_colours_unless_they_are_not_wanted(failed, database, environment, coloured):
    status, shown, _ = on_a_terminal("show", "1", "--url", database, **environment)

    assert (status, bool(COLOUR.search(shown))) == (1, coloured)
    assert COLOUR.sub("", shown).replace("\r\n", "\n").startswith(FAILED)


def test_an_encoding_without_lines_gets_letters(failed, database):
    """It is what a cron job, or a bare container, has."""
    status, out, _ = run("show", "1", "--url", database, PYTHONIOENCODING="ascii", PYTHONUTF8=0)

    assert (status, out.isascii()) == (1, True)
    assert "\nX charge   error " in out


def test_a_narrow_terminal_cuts_what_is_beside_a_step(failed, database):
    _, shown, _ = on_a_terminal("show", "1", "--url", database, COLUMNS=60, NO_COLOR=1)

    drawn = shown.replace("\r\n", "\n").partition("\n\n")[0].splitlines()[1:]
    assert (max(map(len, drawn)), drawn[1][-1]) == (60, "…")


def test_a_pipe_gets_a_line_for_each_change(command, database, project):
    """The first is how it stands now, the last is how it ended."""
    os.mkfifo(project / "fifo")
    command("submit", "waits", "--input", json.dumps(str(project / "fifo")))
    watching = start("show", "1", "--watch", "--url", database)
    first = watching.stdout.readline()

    worker = start("work", "waits", "--once", "--url", database)
    (project / "fifo").write_text("on")
    worker.communicate()
    rest = watching.communicate()[0].splitlines()

    assert first == "task 1 waits 1: pending, 0 of 1 step complete, 1 enqueued\n"
    assert (watching.returncode, rest[-1]) == (0, "task 1 waits 1: complete, 1 of 1 step complete")


def test_a_terminal_is_drawn_again_until_the_end(command, database, project):
    """What was drawn before is gone: the cursor goes up as many lines, and clears what follows."""
    os.mkfifo(project / "fifo")
    command("submit", "waits", "--input", json.dumps(str(project / "fifo")))
    worker = start("work", "waits", "--once", "--url", database)
    assert worker.stdout.readline() == "begun\n"

    status, shown, _ = on_a_terminal(
        "show",
        "1",
        "--watch",
        "--url",
        database,
        NO_COLOR=1,
        at_first=lambda: (project / "fifo").write_text("on"),
    )

    worker.communicate()
    assert status == 0
    assert shown.replace("\r\n", "\n") == (
        "\x1b[Jtask 1 waits 1: in progress, 0 of 1 step complete, 1 in progress\n▶ wait  in progress\n"
        "\x1b[2F\x1b[Jtask 1 waits 1: complete, 1 of 1 step complete\n✔ wait  complete\n"
    )


def test_watching_ends_with_a_signal(command, database):
    command("submit", "orders", "--input", "{}")
    watching = start("show", "1", "--watch", "--url", database)
    watching.stdout.readline()

    watching.terminate()

    assert "terminated" in said(watching, "terminated")
    assert watching.wait(30) == 143
    watching.communicate()


def test_who_has_read_enough_ends_it_in_silence(command, database):
    """As in `show 1 --watch | head -1`."""
    command("submit", "orders", "--input", "{}")
    watching = start("show", "1", "--watch", "--json", "--url", database)
    watching.stdout.readline()
    watching.stdout.close()

    command("cancel", "1")

    assert watching.stderr.read() == ""
    watching.wait(30)
    watching.stderr.close()


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["99"], "there is no task 99"),
        (["99", "--watch"], "there is no task 99"),
        (["0"], "0 is not in the range"),
        (["-1"], "No such option"),
        (["99999999999999999999"], "is not in the range"),
        (["orders"], "'orders' is not a valid integer"),
        ([], "Missing argument 'TASK'"),
    ],
)
def test_a_task_that_is_none_is_wrong(command_on, quiet_database, argv, words):
    status, out, err = command_on(quiet_database, "show", *argv)

    assert (status, out) == (2, "")
    assert words in err
