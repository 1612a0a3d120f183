"""A server for all tests of HTTP, and a worker that does what tasks ask for."""

import asyncio
import itertools
import threading

import psycopg
import pytest

from messenger.workflow import PermanentError, Workflow, step
from messenger.workflow.worker import Worker

from ..conftest import new_database
from .speaking import serving

_numbers = itertools.count(1)


@step
def echo(context):
    """Return the input, or fail when that says so."""
    if context.input == "fail":
        raise PermanentError("it was asked to")
    return context.input


@step(depends_on=[echo])
def after(context):
    return [context.results["echo"]]


WORKED_ON = Workflow("worked_on", version="1", steps=[echo, after])


@pytest.fixture(scope="session")
def http_database(postgres_url, migrated):
    with new_database(postgres_url, migrated) as url:
        yield url


@pytest.fixture(scope="session")
def served(http_database):
    with serving(http_database) as served:
        yield served


@pytest.fixture
def client(served):
    with served.connect() as client:
        yield client


@pytest.fixture(scope="session")
def worked_on(http_database):
    """The path of a workflow that a worker does the steps of: echo, and after it."""
    ready, workers = threading.Event(), []

    async def main():
        workers.append((asyncio.get_running_loop(), Worker(http_database, [WORKED_ON])))
        await workers[0][1].run(ready.set)

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    assert ready.wait(30)
    yield "/v1/workflows/default/worked_on"
    loop, worker = workers[0]
    loop.call_soon_threadsafe(worker.stop)
    thread.join()


def a_template(name, version="1", **others):
    steps = [
        {"name": "first", "handler": "nobody"},
        {"name": "second", "handler": "nobody", "depends_on": ["first"]},
    ]
    return {"name": name, "version": version, "steps": steps} | others


@pytest.fixture
def name():
    """The name of a workflow that no other test has."""
    return f"workflow_{next(_numbers)}"


@pytest.fixture
def path(client, name):
    """The path of a workflow that nobody works on."""
    path = f"/v1/workflows/default/{name}"
    assert client.ask("PUT", path, a_template(name)).status == 200
    return path


@pytest.fixture
def rows(http_database):
    """What a statement finds in the database."""
    with psycopg.connect(http_database, autocommit=True) as connection:
        yield lambda statement, *values: connection.execute(statement, values).fetchall()
