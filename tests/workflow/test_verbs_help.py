"""What `messenger workflow VERB --help` promises."""

import shlex

import click
import pytest

from messenger.workflow import command as room
from messenger.workflow.command import main

VERBS = room._workflow.list_commands(click.Context(room._workflow))


def examples_of(text):
    """The arguments of each example, without what is set in front of it."""
    lines = [line for line in text.splitlines() if "messenger workflow " in line and line.startswith("  ")]
    return [shlex.split(line.partition("messenger workflow ")[2])[1:] for line in lines]


@pytest.mark.parametrize("name", VERBS)
def test_the_examples_of_a_verb_are_understood(name):
    """An option that was renamed would go on being advertised."""
    verb = room._workflow.get_command(click.Context(room._workflow), name)
    examples = examples_of(verb.epilog)

    assert examples
    for argv in examples:
        verb.make_context(name, argv)


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_tells_its_exit_statuses(name, capsys):
    assert main([name, "--help"]) == 0
    assert "Exit status: 0 " in capsys.readouterr().out


def test_the_room_lists_its_verbs_with_what_they_do(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n  {name} " in shown for name in VERBS)
