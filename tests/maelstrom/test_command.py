"""The command."""

import json
import os
import select
import shlex
import signal
import subprocess
import sys

import pytest

from messenger.maelstrom.command import main

from .driver import node_command, run

TIMEOUT_SECONDS = 20.0


def test_the_help_has_an_example_for_the_verb(capsys):
    """And says what the exit codes mean."""
    code = main(["test", "--help"])

    text = capsys.readouterr().out
    assert code == 0
    assert "messenger maelstrom test -w echo" in text
    assert "3 could not tell" in text


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["test", "-w", "ecco", "--", "true"], "no workload is called 'ecco'"),
        (["test", "-w", "echo"], "Missing argument"),
        (["test", "--", "true"], "Missing option"),
        (["test", "-w", "echo", "--concurrency", "2m", "--", "true"], "2n for two a node"),
        (["test", "-w", "echo", "--loss", "2", "--", "true"], "--loss"),
        (["test", "-w", "echo", "--rate", "nan", "--", "true"], "not a finite number"),
        (["test", "-w", "echo", "--time-limit", "inf", "--", "true"], "not a finite number"),
        (["test", "-w", "echo", "--json", "/nowhere/report.json", "--", "true"], "cannot write"),
        (["prove"], "No such command"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_started(arguments, complaint, capsys):
    """Exit code 2."""
    code = main(arguments)

    assert code == 2
    assert complaint in capsys.readouterr().err


def test_a_command_that_cannot_be_run_proves_nothing(capsys):
    """Exit code 3, and the reason."""
    code = main(["test", "-w", "echo", "--", "/nowhere/node"])

    assert code == 3
    assert capsys.readouterr().out.splitlines()[-1] == (
        "UNKNOWN: the nodes never started: cannot run /nowhere/node: No such file or directory"
    )


def test_a_node_that_ends_before_init_proves_nothing(capsys):
    """Its last words are what one needs."""
    words = [sys.executable, "-c", "import sys; sys.exit('no such module')"]

    code = main(["test", "-w", "echo", "--node-count", "1", "--", *words])

    assert code == 3
    assert "no such module" in capsys.readouterr().out


def test_what_was_seen_is_kept_where_the_user_wants_it(tmp_path, capsys):
    """The stderr of each node, and the history, one event a line."""
    code, report = run("echo", "echo.py", f"--log {tmp_path / 'log'}", tmp_path)

    lines = (tmp_path / "log" / "history.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert code == 0
    assert sorted(path.name for path in (tmp_path / "log").glob("n*")) == ["n0.log", "n1.log", "n2.log"]
    assert len(events) == 2 * report["operations"]["ok"]
    assert [event["time_ns"] for event in events] == sorted(event["time_ns"] for event in events)


def test_the_verdict_is_the_last_line_and_the_talk_is_elsewhere(tmp_path, capsys):
    """A script reads the one, a person the other."""
    run("echo", "echo.py", "", tmp_path)

    output = capsys.readouterr()
    assert output.out.splitlines()[-1].startswith("PASSED: ")
    assert "3 nodes have answered init" in output.err


def test_the_command_that_is_told_repeats_the_test(tmp_path, capsys):
    """Options, seed and all: it tells itself again."""
    _, report = run("broadcast", "broadcast.py", "--loss 0.1 --nemesis pause --topology line", tmp_path)
    words = shlex.split(report["command"])

    code = main([*words[2:-3], f"--json={tmp_path / 'again.json'}", *words[-3:]])

    assert words[:3] == ["messenger", "maelstrom", "test"]
    assert code == 0
    assert json.loads((tmp_path / "again.json").read_text())["command"] == report["command"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_no_process_behind(number, tmp_path):
    """Neither nodes nor their children, however deaf they are."""
    os.mkfifo(tmp_path / "pipe")
    pipe = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(pipe, True)
    program = "import sys; from messenger.maelstrom.command import main; sys.exit(main(sys.argv[1:]))"
    options = ["-w", "echo", "--node-count", "2", "--time-limit", "600"]
    command = node_command(f"echo.py stubborn {tmp_path / 'pipe'}")
    test = subprocess.Popen(
        [sys.executable, "-c", program, "test", *options, "--", *command], stderr=subprocess.PIPE
    )
    assert test.stderr is not None
    assert b"2 nodes have answered init" in test.stderr.readline()
    children = b""
    while len(children) < 2:
        children += os.read(pipe, 2)

    test.send_signal(number)
    _, complaint = test.communicate(timeout=TIMEOUT_SECONDS)

    assert test.returncode == 128 + number
    assert b"nothing was judged" in complaint
    # The pipe ends when nobody holds it any more.
    assert select.select([pipe], [], [], TIMEOUT_SECONDS)[0]
    assert os.read(pipe, 1) == b""
    os.close(pipe)
