"""Counted: what the database had to do for a workflow, which is the same on every machine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import sleep

import psycopg

from messenger.workflow import Workflow
from messenger.workflow.client import Client
from messenger.workflow.worker import Worker

_COUNTS = """
    SELECT xact_commit, pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
        ({flushes}), (pg_current_wal_insert_lsn() - '0/0')::bigint
    FROM pg_stat_database WHERE datname = current_database()
"""
_NAMES = ("commits", "writing_commits", "wal_flushes", "wal_bytes")
_FLUSHES = """
    SELECT sum(fsyncs)::bigint FROM pg_stat_io WHERE object = 'wal' AND backend_type = 'client backend'
"""
_FLUSHES_BEFORE_18 = "SELECT wal_sync FROM pg_stat_wal"
_OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


async def counted(
    url: str, workflow: Workflow, input: object, *, times: int, in_flight: int = 1
) -> dict[str, float]:
    """Return what one of so many workflows takes, by what more of them take than few do.

    Of the commits some write; some read; and the server process of each that listens has one whenever anybody
    is notified. Nobody else may be connected to the database.
    """
    counts = []
    for runs in (in_flight, in_flight + times):
        before = _read(url)
        async with working(url, [workflow]), Client(url) as client:
            gate = asyncio.Semaphore(in_flight)

            async def run(client: Client = client, gate: asyncio.Semaphore = gate) -> None:
                async with gate:
                    await client.run(workflow, input)

            await asyncio.gather(*(run() for _ in range(runs)))
        counts.append([after - before for before, after in zip(before, _read(url), strict=True)])
    few, many = counts
    each = [(more - less) / times for less, more in zip(few, many, strict=True)]
    return {name: round(value, 2) for name, value in zip(_NAMES, each, strict=True)}


@asynccontextmanager
async def working(url: str, workflows: list[Workflow], **options: int) -> AsyncIterator[Worker]:
    """Let a worker run on this loop."""
    worker, ready = Worker(url, workflows, **options), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(worker.run(ready.set))
        await ready.wait()
        yield worker
        worker.stop()


def _read(url: str) -> tuple[int, ...]:
    """Read once all others have ended: only then has each server process told what it has counted."""
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute(_OTHERS).fetchone() != (0,):
            sleep(0.01)
        old = connection.info.server_version < 180_000
        flushes = _FLUSHES_BEFORE_18 if old else _FLUSHES
        return connection.execute(_COUNTS.format(flushes=flushes)).fetchone()
