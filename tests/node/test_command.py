"""The `messenger node` command."""

import pytest

from messenger.node.command import main

from .driver import INIT


def test_help_shows_the_workloads_and_an_example(capsys):
    """Everything one needs to try it."""
    code = main(["--help"])

    out = capsys.readouterr().out
    assert code == 0
    assert "  echo             Echo: what comes in goes out" in out
    assert '<<< \\\n  \'{"src":"c0"' in out


@pytest.mark.parametrize("argv", [["-h"], ["echo", "--help"], ["nonsense", "-h"]])
def test_help_is_given_wherever_it_is_asked_for(capsys, argv):
    """Nobody who asks for help should be told that they are wrong."""
    code = main(argv)

    assert (code, capsys.readouterr().err) == (0, "")


@pytest.mark.parametrize("argv", [["nonsense"], ["--fast"], ["echo", "echo"], [""], ["../echo"], ["echo.py"]])
def test_an_unknown_workload_is_wrong_usage(capsys, argv):
    """It names the word, and shows what there is."""
    code = main(argv)

    captured = capsys.readouterr()
    assert (code, captured.out) == (2, "")
    assert repr(" ".join(argv)) in captured.err
    assert "usage: messenger node [WORKLOAD]" in captured.err


@pytest.mark.parametrize("argv", [[], ["echo"]], ids=["default", "named"])
def test_echo_is_run(start, argv):
    """By name, and because it is the default."""
    node = start(f"import sys; from messenger.node.command import main; sys.exit(main({argv}))")

    replies = node.finish(INIT)

    assert [reply["body"]["type"] for reply in replies] == ["init_ok"]
    assert node.exit_code() == 0


def test_the_example_of_the_help_works(start, capsys):
    """What people paste first."""
    main(["--help"])
    example = capsys.readouterr().out.split("<<< \\\n")[1].split("\n")[0].strip().strip("'")

    replies = start().finish(example.encode() + b"\n")

    assert [reply["body"]["type"] for reply in replies] == ["init_ok"]
