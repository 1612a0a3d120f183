"""A PostgreSQL that keeps what is committed, databases in it, and what is known of the machine."""

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from statistics import median
from time import perf_counter

import psycopg
import pytest
import uvloop
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from messenger.workflow.migrate import migrate
from messenger.workflow.postgres.postgres_server import PostgresServer
from messenger.workflow.postgres.programs import ProgramsMissing

from .stored import store_tasks

ROOM_BYTES = 2_000_000_000
# Without these a commit is a promise, and its time means nothing.
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}

_numbers = itertools.count(1)


def timed_sizes(config: pytest.Config, small: int, *more: int) -> list[int]:
    """Return the sizes to time; of those, only the small one says that a bench works."""
    return [small] if config.getoption("benchmark_disable") else [small, *more]


def counted_in(unit: str) -> Callable[[int], str]:
    """Return what writes a number of *unit*, a plural, in the name of a bench."""
    return lambda count: f"{count}{unit.removesuffix('s') if count == 1 else unit}"


@pytest.fixture(scope="session")
def server():
    """A server with its data in a temporary folder: required in CI, skipped where it cannot be."""
    place = Path(tempfile.gettempdir())
    if (free := shutil.disk_usage(place).free) < ROOM_BYTES:
        _refuse(
            f"{place} has {free / 1e9:.1f} GB left, and stored tasks take {ROOM_BYTES / 1e9:g}; make room"
        )
    with ExitStack() as stack:
        try:
            server = stack.enter_context(PostgresServer())
        except ProgramsMissing as error:
            _refuse(str(error))
        with psycopg.connect(server.url) as connection:
            for name, value in DURABLE.items():
                [found] = connection.execute(sql.SQL("SHOW {}").format(sql.Identifier(name))).fetchone()
                assert found == value, f"{name} is {found}: what would be timed is not kept"
        yield server


def _refuse(reason: str) -> None:
    if "CI" in os.environ:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def migrated(server):
    """The name of a database that is migrated, and that nobody is connected to."""
    with new_database(server.url) as url:
        migrate(url)
        yield conninfo_to_dict(url)["dbname"]


@pytest.fixture(scope="module")
def database(server, migrated):
    """The URL of a migrated database, which the benches of a module share."""
    with new_database(server.url, migrated) as url:
        yield url


@contextmanager
def new_database(url: str, template: str = "template0"):
    """Copy the database *template*, and drop the copy in the end; yields its URL."""
    name = f"bench_{next(_numbers)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
    yield make_conninfo(url, dbname=name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def runner():
    """A loop that is there before anything is timed; it runs while something is awaited on it."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        yield runner


@pytest.fixture(scope="session")
def scratch(server):
    """A file on the disk that the server's data are on."""
    path = server.folder / "scratch"
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR)
    os.pwrite(descriptor, bytes(8192), 0)
    os.fsync(descriptor)
    yield descriptor
    os.close(descriptor)
    path.unlink()


@pytest.fixture
def durable(benchmark, scratch):
    """Note beside the figures what it takes to have 8 KiB on the disk: no commit is faster.

    Just before, for others may have the disk as well, and it then takes a hundred times as long.
    """
    took = []
    for _ in range(50):
        began = perf_counter()
        os.pwrite(scratch, os.urandom(8192), 0)  # in place, as a segment of the log is written
        os.fdatasync(scratch)
        took.append(perf_counter() - began)
    benchmark.extra_info["fdatasync_us"] = round(median(took) * 1e6, 1)


@pytest.fixture(autouse=True)
def beside_what(benchmark):
    """Note what else the machine had to do."""
    benchmark.extra_info |= {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}


@pytest.fixture(scope="session")
def stored(server, migrated):
    """Give the URL of a database with so many tasks in it; each is made once."""
    with ExitStack() as stack:

        @cache
        def find(tasks):
            url = stack.enter_context(new_database(server.url, migrated))
            asyncio.run(store_tasks(url, tasks))
            return url

        yield find
