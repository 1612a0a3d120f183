"""Migrations: each applied once, in order, wholly or not at all, and never changed."""

import itertools
import json
import subprocess
import sys

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from messenger.workflow.migrate import (
    BadMigrations,
    MigrationFailed,
    MigrationsDisagree,
    migrate,
    read_migrations,
)
from messenger.workflow.postgres.connection import BadUrl, CannotConnect, connect

# Ready first, so that several begin at the same moment.
MIGRATE = """
import json, sys
from messenger.workflow.migrate import migrate
print("ready", flush=True)
sys.stdin.readline()
print(json.dumps([str(migration) for migration in migrate(sys.argv[1])]))
"""


@pytest.fixture
def files(tmp_path):
    """Our own migrations, and one more; a folder to add to."""
    for migration in read_migrations():
        (tmp_path / f"{migration}.sql").write_bytes(migration.statements)
    add(tmp_path, "steps", "CREATE TABLE messenger_workflow.extra_step (id integer)")
    return tmp_path


def add(folder, name, statements):
    path = folder / f"{len(list(folder.iterdir())) + 1:04}_{name}.sql"
    path.write_text(statements)
    return path


def rows(url, query, *parameters):
    with psycopg.connect(url) as connection:
        return connection.execute(query, parameters).fetchall()


def recorded(url):
    return rows(url, "SELECT number, name, checksum FROM messenger_workflow.migration ORDER BY number")


def exists(url, name):
    return rows(url, "SELECT to_regclass(%s) IS NOT NULL", name) == [(True,)]


def test_all_of_them_are_applied_and_recorded(empty_database, files):
    applied = migrate(empty_database, files)

    assert applied == read_migrations(files)
    assert recorded(empty_database) == [(one.number, one.name, one.checksum) for one in applied]


def test_applying_them_again_does_nothing(database):
    """Every deployment runs it."""
    before = recorded(database)

    assert migrate(database) == []
    assert recorded(database) == before


def test_only_what_is_new_is_applied(empty_database, files):
    migrate(empty_database, files)
    add(files, "tasks", "CREATE TABLE messenger_workflow.extra_task (id integer)")

    assert [one.name for one in migrate(empty_database, files)] == ["tasks"]


def test_processes_that_begin_at_once_apply_each_once(empty_database):
    """Workers that are started together all migrate first."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE, empty_database],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"

    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    applied = [json.loads(process.communicate(timeout=30)[0]) for process in processes]

    assert sorted(itertools.chain(*applied)) == [str(one) for one in read_migrations()]


def test_a_changed_file_is_refused(empty_database, files):
    """What the database has is what the old file said."""
    migrate(empty_database, files)
    changed = max(files.iterdir())
    changed.write_text("CREATE TABLE messenger_workflow.other (id integer)")

    with pytest.raises(MigrationsDisagree, match=rf"{changed.name} is not the file .*; restore it"):
        migrate(empty_database, files)
    assert not exists(empty_database, "messenger_workflow.other")


def test_a_file_under_another_name_is_refused(empty_database, files):
    """Two branches may both add a number; the one merged later has to take the next."""
    migrate(empty_database, files)
    last = max(files.iterdir())
    last.rename(files / last.name.replace("steps", "renamed"))

    with pytest.raises(
        MigrationsDisagree, match=r"_renamed\.sql is not the file that was applied as .*_steps"
    ):
        migrate(empty_database, files)


def test_lines_that_end_as_on_windows_are_no_change(empty_database, files):
    add(files, "two", "SELECT 1;\nSELECT 2;\n")
    migrate(empty_database, files)
    for path in files.iterdir():
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert migrate(empty_database, files) == []


def test_a_database_that_is_newer_is_refused(empty_database, files):
    """Old code would write what the new schema no longer means."""
    migrate(empty_database, files)
    max(files.iterdir()).unlink()

    with pytest.raises(MigrationsDisagree, match=r"it has migration \d+_steps, .*install the version"):
        migrate(empty_database, files)


def test_a_file_that_fails_leaves_nothing_and_those_before_it_stay(empty_database, files):
    failing = add(files, "broken", "CREATE TABLE messenger_workflow.half (id integer); SELECT 1 / 0;")

    with pytest.raises(MigrationFailed, match=rf"{failing.name} failed, .*division by zero"):
        migrate(empty_database, files)

    assert not exists(empty_database, "messenger_workflow.half")
    assert [name for _, name, _ in recorded(empty_database)][-1] == "steps"
    failing.write_text("CREATE TABLE messenger_workflow.whole (id integer)")
    assert [one.name for one in migrate(empty_database, files)] == ["broken"]


def test_a_file_may_not_end_its_transaction(empty_database, files):
    """Half of it could stay then, unrecorded."""
    add(files, "commits", "COMMIT")

    with pytest.raises(MigrationFailed, match="take COMMIT and ROLLBACK out of it"):
        migrate(empty_database, files)


def test_names_that_are_not_qualified_are_ours(empty_database, files):
    """A role's own search_path must not decide where a table goes."""
    add(files, "plain", "CREATE TABLE plain (id integer)")

    migrate(empty_database, files)

    assert exists(empty_database, "messenger_workflow.plain")


@pytest.mark.parametrize("name", ["0999_gap.sql", "three.sql", "0002_twice.sql", "0999_Upper.sql"])
def test_names_that_are_no_sequence_are_refused(files, name):
    (files / name).write_text("SELECT 1")

    with pytest.raises(BadMigrations, match=r"should be called \d{4}_NAME\.sql"):
        read_migrations(files)


def test_a_role_without_the_right_is_told_which(postgres_url, empty_database):
    name = "messenger_test_without_rights"
    role = sql.Identifier(name)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(role))
        connection.execute(sql.SQL("CREATE ROLE {}").format(role))
        try:
            with pytest.raises(
                MigrationFailed, match=r"0001_schema\.sql failed, .*permission denied for database"
            ):
                migrate(make_conninfo(empty_database, options=f"-c role={name}"))
        finally:
            connection.execute(sql.SQL("DROP ROLE {}").format(role))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:swordfish@127.0.0.1:1/work",
        "postgresql://me@127.0.0.1:1/work?password=swordfish",
        "host=127.0.0.1 port=1 user=me dbname=work password=swordfish",
    ],
)
def test_a_server_that_is_not_there_is_named_without_the_password(url):
    with pytest.raises(CannotConnect, match=r"user=me .*port=1") as caught:
        connect(url)

    assert "swordfish" not in str(caught.value)


@pytest.mark.parametrize("url", ["swordfish", "postgresql://me:swordfish%zz@h/x", "http://me:swordfish@h/"])
def test_a_url_that_cannot_be_read_is_not_repeated(url):
    """Where its password begins and ends is not known."""
    with pytest.raises(BadUrl, match="write postgresql://USER:PASSWORD@HOST") as caught:
        connect(url)

    assert "swordfish" not in str(caught.value)
    assert caught.value.__suppress_context__
