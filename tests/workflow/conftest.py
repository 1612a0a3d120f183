"""A PostgreSQL for all tests, and a database of its own for each."""

import itertools
import os
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from messenger.workflow.command import main
from messenger.workflow.migrate import migrate
from messenger.workflow.postgres.postgres_server import PostgresServer
from messenger.workflow.postgres.programs import ProgramsMissing

from .engine import opened
from .verbs import LOADS, ORDERS, WAITS

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def template():
    """The folder of a server that has stopped, which others copy: required in CI, skipped elsewhere."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(PostgresServer())
        except ProgramsMissing as error:
            if "CI" in os.environ:
                raise
            pytest.skip(str(error))
        server.stop()
        yield server.folder


@pytest.fixture(scope="session")
def postgres_url(request):
    """A server for all tests: yours, or one that is started for them."""
    if theirs := os.environ.get("MESSENGER_POSTGRES_URL"):
        yield theirs
        return
    with PostgresServer(template=request.getfixturevalue("template")) as server:
        yield server.url


@pytest.fixture(scope="module")
def a_server(template):
    with PostgresServer(template=template, port=0) as server:
        yield server


@pytest.fixture
def server(a_server):
    """A server to stop and to kill, which the tests of a module share: a thousand files are slow to make."""
    if a_server.pid is None:
        a_server.start()
    return a_server


@pytest.fixture
def folder(server):
    """The folder of a server that has stopped."""
    server.stop()
    return server.folder


@pytest.fixture
def place():
    """A folder that a server may have; as root, `tmp_path` is closed to the user that it runs as."""
    with tempfile.TemporaryDirectory(prefix="messenger-test-") as folder:
        os.chmod(folder, 0o755)  # noqa: S103
        yield Path(folder)


@contextmanager
def new_database(url, template="template0"):
    """A database that is a copy of *template* and gone in the end; yields its URL."""
    name = f"messenger_test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
        try:
            yield make_conninfo(url, dbname=name)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def empty_database(postgres_url):
    """The URL of a database with nothing in it."""
    with new_database(postgres_url) as url:
        yield url


@pytest.fixture(scope="session")
def migrated(postgres_url):
    """The name of a database that is migrated, and that nobody is connected to."""
    with new_database(postgres_url) as url:
        migrate(url)
        yield psycopg.conninfo.conninfo_to_dict(url)["dbname"]


@pytest.fixture
def database(postgres_url, migrated):
    """The URL of a migrated database."""
    with new_database(postgres_url, migrated) as url:
        yield url


@pytest.fixture(scope="session")
def shared_database(postgres_url, migrated):
    """The URL of a migrated database, for tests that keep to a namespace of their own."""
    with new_database(postgres_url, migrated) as url:
        yield url


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with modules as a user has them, in which commands are given."""
    for name, text in {"orders": ORDERS, "waits": WAITS, "loads": LOADS}.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = {*sys.modules}
    yield tmp_path
    for name in {*sys.modules} - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture(scope="module")
def quiet_database(postgres_url, migrated):
    """The URL of a migrated database for tests that change nothing in it."""
    with new_database(postgres_url, migrated) as url:
        yield url


@pytest.fixture(scope="session")
def an_engine(shared_database):
    with opened(shared_database) as engine:
        yield engine


@pytest.fixture
def engine(an_engine):
    """The engine on a database of many tests, and a namespace of its own."""
    an_engine.begin()
    return an_engine


@pytest.fixture
def command_on(project, capsys):
    """Run a verb on a database in this process; return its exit status, stdout and stderr."""

    def command_on(url, *argv):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MESSENGER_POSTGRES_URL", url)
            status = main(argv)
        done = capsys.readouterr()
        return status, done.out, done.err

    return command_on


@pytest.fixture
def command(database, command_on):
    """Run a verb on a database of its own."""
    return partial(command_on, database)
