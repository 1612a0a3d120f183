"""`messenger workflow`: what it prints, and its exit code."""

import os
import subprocess
import sys

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from messenger.workflow.command import main
from messenger.workflow.migrate import read_migrations


def run(*argv, **environment):
    return subprocess.run(
        [sys.executable, "-m", "messenger", "workflow", *argv],
        env={name: value for name, value in os.environ.items() if not name.startswith("MESSENGER_")}
        | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_migrate_names_what_it_has_applied(empty_database, capsys):
    """Results go to stdout and talk to stderr."""
    names = "".join(f"{migration}\n" for migration in read_migrations())

    assert main(["migrate", "--url", empty_database]) == 0
    first = capsys.readouterr()
    assert main(["migrate", "--url", empty_database]) == 0
    second = capsys.readouterr()

    assert (first.out, second.out) == (names, "")
    assert ": no migrations applied\n" in second.err


def test_migrate_takes_the_url_from_the_environment(empty_database):
    done = run("migrate", MESSENGER_POSTGRES_URL=empty_database)

    assert (done.returncode, len(done.stdout.splitlines())) == (0, len(read_migrations()))


def test_migrate_starts_a_server_when_none_is_named(folder):
    """The first thing that somebody tries, on a bare machine."""
    done = [run("migrate", MESSENGER_POSTGRES_FOLDER=str(folder)) for _ in range(2)]

    assert [one.returncode for one in done] == [0, 0]
    assert [len(one.stdout.splitlines()) for one in done] == [len(read_migrations()), 0]


def test_a_database_that_does_not_fit_is_a_no(database, capsys):
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE messenger_workflow.migration SET name = 'other' WHERE number = 1")

    assert main(["migrate", "--url", database]) == 1
    assert "0001_schema.sql is not the file that was applied as 0001_other" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["nonsense", "http://me:swordfish@host/x"])
def test_a_url_that_is_none_is_wrong_usage(url, capsys):
    assert main(["migrate", "--url", url]) == 2
    assert "swordfish" not in capsys.readouterr().err


def test_a_database_that_is_not_there_is_neither_yes_nor_no(database, capsys):
    assert main(["migrate", "--url", make_conninfo(database, dbname="no_such_thing")]) == 3
    assert 'database "no_such_thing" does not exist' in capsys.readouterr().err


def test_wrong_usage_says_where_help_is(capsys):
    assert main(["migrate", "--fast"]) == 2
    assert main(["nonsense"]) == 2
    assert "messenger workflow" in capsys.readouterr().err
