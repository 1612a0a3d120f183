"""A PostgreSQL for all tests, and a database of its own for each."""

import itertools
import os
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from messenger.workflow.migrate import migrate
from messenger.workflow.postgres_server import PostgresServer
from messenger.workflow.programs import ProgramsMissing

from .engine import opened

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


@pytest.fixture(scope="session")
def an_engine(shared_database):
    with opened(shared_database) as engine:
        yield engine


@pytest.fixture
def engine(an_engine):
    """The engine on a database of many tests, and a namespace of its own."""
    an_engine.begin()
    return an_engine
