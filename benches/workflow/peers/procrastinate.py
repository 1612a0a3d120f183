"""Procrastinate: three jobs, each deferred by the one before, which hands its results on.

At its best here:

- Workers in processes of their own, asynchronous, woken by LISTEN/NOTIFY. A worker fetches one job at a time;
  a second process was seldom slower with 64 in flight, and 4 % faster at the last count.
- fetch_job_polling_interval is 5 ms, not 5 s: a notification that comes while the worker looks for a job is
  forgotten, and with one workflow in flight each one so lost costs the whole interval.
- Connections commit by themselves, and the pool does not ask whether they live. Each call is one statement,
  which is then its own transaction: one round trip where there were four.
- Finished jobs are kept, as its default is: they are the record of what was done.

It has no way to wait for a job. A trigger tells the client in the transaction that marks the third one as
succeeded, which needs neither polling nor a commit more. The third result is kept nowhere, which flatters it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import procrastinate
import psycopg
import uvloop
from procrastinate import App, PsycopgConnector
from psycopg_pool import AsyncConnectionPool

from .process import Part, run_step, run_workflows, say_report, take_part, wait_for_end

_POLLING_SECONDS = 0.005
_CONNECTIONS = 5
_CONCURRENCY = 32

_steps = procrastinate.Blueprint()


@_steps.task(name="first")
async def first(workflow: str) -> None:
    await second.defer_async(workflow=workflow, results=[run_step(workflow, 1)])


@_steps.task(name="second")
async def second(workflow: str, results: list[int]) -> None:
    await third.defer_async(workflow=workflow, results=[*results, run_step(workflow, 2)])


@_steps.task(name="third")
async def third(workflow: str, results: list[int]) -> None:
    run_step(workflow, 3)


async def prepare(part: Part) -> None:
    async with _opened(part.url) as app:
        await app.schema_manager.apply_schema_async()
    async with await psycopg.AsyncConnection.connect(part.url, autocommit=True) as connection:
        await connection.execute(Path(__file__).with_name("procrastinate.sql").read_text())


async def worker(part: Part) -> None:
    async with _opened(part.url) as app:
        working = asyncio.create_task(
            app.run_worker_async(
                concurrency=_CONCURRENCY,
                fetch_job_polling_interval=_POLLING_SECONDS,
                install_signal_handlers=False,
            )
        )
        ending = asyncio.create_task(wait_for_end())
        await asyncio.wait([working, ending], return_when=asyncio.FIRST_COMPLETED)
        working.cancel()  # it lets the jobs that run come to their end
        with suppress(asyncio.CancelledError):
            await working
    say_report()


async def client(part: Part) -> None:
    waiting: dict[str, asyncio.Future[None]] = {}

    async def run_workflow(name: str) -> None:
        waiting[name] = asyncio.get_running_loop().create_future()
        await first.defer_async(workflow=name)
        await waiting[name]

    async with (
        _opened(part.url),
        await psycopg.AsyncConnection.connect(part.url, autocommit=True) as connection,
    ):
        await connection.execute("LISTEN workflow_done")
        listening = asyncio.create_task(_listen(connection, waiting))
        report = await run_workflows(part, run_workflow)
        listening.cancel()
    say_report(report)


async def _listen(connection: psycopg.AsyncConnection, waiting: dict[str, asyncio.Future[None]]) -> None:
    async for notification in connection.notifies():
        waiting.pop(notification.payload).set_result(None)


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[App]:
    connector = PsycopgConnector(
        conninfo=url,
        min_size=_CONNECTIONS,
        max_size=_CONNECTIONS,
        configure=lambda connection: connection.set_autocommit(True),
        pool_factory=lambda **options: AsyncConnectionPool(**{**options, "check": None}),
    )
    app = App(connector=connector)
    app.add_tasks_from(_steps, namespace="linear")
    async with app.open_async():
        yield app


if __name__ == "__main__":
    take_part(prepare, worker, client, run=uvloop.run)
