"""Working: a worker and a client on the test's loop."""

import asyncio
import itertools
from contextlib import asynccontextmanager

import psycopg

from messenger.workflow import Workflow
from messenger.workflow.client import Client
from messenger.workflow.worker import Worker

SOON = 30.0  # seconds, for what comes within a few milliseconds unless it never comes

_numbers = itertools.count(1)


def workflow(*steps, name="orders", version="1", **others):
    """A workflow in a namespace of its own, unless one is given."""
    others.setdefault("namespace", f"working-{next(_numbers)}")
    return Workflow(name, version=version, steps=steps, **others)


@asynccontextmanager
async def working(url, *workflows, **options):
    """Run a worker, and let it end what it has begun."""
    worker, ready = Worker(url, workflows, **{"poll_seconds": 0.2} | options), asyncio.Event()
    run = asyncio.create_task(worker.run(ready.set))
    try:
        await first(run, ready.wait())
        yield worker
    finally:
        worker.stop()
        await asyncio.wait_for(run, SOON)


async def first(run, awaitable):
    """Return what *awaitable* gives, unless the worker ends before: then raise what ended it."""
    wanted = asyncio.ensure_future(awaitable)
    async with asyncio.timeout(SOON):
        await asyncio.wait([run, wanted], return_when=asyncio.FIRST_COMPLETED)
    if not wanted.done():
        wanted.cancel()
        run.result()
        raise AssertionError("the worker has ended")
    return wanted.result()


@asynccontextmanager
async def served(url, *workflows, **options):
    """Yield a client whose tasks a worker does."""
    async with Client(url, poll_seconds=0.2) as client, working(url, *workflows, **options):
        yield client


async def run(client, *arguments, **options):
    return await client.run(*arguments, timeout_seconds=SOON, **options)


def execute(url, statement, *values):
    with psycopg.connect(
        url, autocommit=True, options="-csearch_path=messenger_workflow", connect_timeout=30
    ) as connection:
        cursor = connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def let_run_out(url, task_id):
    execute(url, "UPDATE queue SET due_at = clock_timestamp() - interval '1 s' WHERE task_id = %s", task_id)
