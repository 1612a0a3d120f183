"""PgQueuer: three jobs, each enqueued by the one before, which hands its results on.

At its best here:

- A worker in a process of its own, woken by LISTEN/NOTIFY. A second one helped nothing: it made the batches
  smaller.
- asyncpg through a pool, and uvloop, which its own command line uses: one connection would be one statement
  at a time. Between 4 and 20 connections there was no difference.
- A batch is half of what is in flight, and one job when one is: completions are written when a batch is full
  or after 0.1 s, which is what each workflow took with batches of two and one in flight.
- Its tables are logged, as its default is ("durable").

Its CompletionWatcher waits for a job whose number is known, and the client knows the first one's only. A
trigger tells the client, in the transaction that takes the third job off the queue, which needs no commit
more. The third result is kept nowhere, which flatters it.
"""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver, AsyncpgPoolDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries
from psycopg.conninfo import conninfo_to_dict

from .process import Part, run_step, run_workflows, say_report, take_part, wait_for_end

_CONNECTIONS = 10


async def prepare(part: Part) -> None:
    connection = await asyncpg.connect(**_options(part.url))
    await Queries(AsyncpgDriver(connection)).install()
    await connection.execute(Path(__file__).with_name("pgqueuer.sql").read_text())
    await connection.close()


async def worker(part: Part) -> None:
    async with _pool(part.url) as pool:
        queue = PgQueuer(AsyncpgPoolDriver(pool))
        _add_steps(queue)
        working = asyncio.create_task(queue.qm.run(batch_size=max(1, part.in_flight // 2)))
        ending = asyncio.create_task(wait_for_end())
        await asyncio.wait([working, ending], return_when=asyncio.FIRST_COMPLETED)
        queue.qm.shutdown.set()
        await working
    say_report()


async def client(part: Part) -> None:
    waiting: dict[str, asyncio.Future[None]] = {}

    def wake(_connection: object, _pid: int, _channel: str, name: str) -> None:
        waiting.pop(name).set_result(None)

    listening = await asyncpg.connect(**_options(part.url))
    await listening.add_listener("workflow_done", wake)
    async with _pool(part.url) as pool:
        queries = Queries(AsyncpgPoolDriver(pool))

        async def run_workflow(name: str) -> None:
            waiting[name] = asyncio.get_running_loop().create_future()
            await queries.enqueue("first", msgspec.json.encode([name, []]))
            await waiting[name]

        report = await run_workflows(part, run_workflow)
    await listening.close()
    say_report(report)


def _add_steps(queue: PgQueuer) -> None:
    following = {"first": (1, "second"), "second": (2, "third"), "third": (3, None)}

    async def run_job(job: Job) -> None:
        step, after = following[job.entrypoint]
        workflow, results = msgspec.json.decode(job.payload or b"")
        results.append(run_step(workflow, step))
        if after is not None:
            await queue.qm.queries.enqueue(after, msgspec.json.encode([workflow, results]))

    for name in following:
        queue.entrypoint(name)(run_job)


def _pool(url: str) -> asyncpg.Pool:
    return asyncpg.create_pool(**_options(url), min_size=_CONNECTIONS, max_size=_CONNECTIONS)


def _options(url: str) -> dict[str, Any]:
    """Read *url* as libpq does, whose words asyncpg does not take."""
    words = conninfo_to_dict(url)
    return {
        "host": words["host"],
        "port": int(words["port"]),
        "user": words["user"],
        "password": words.get("password"),
        "database": words["dbname"],
    }


if __name__ == "__main__":
    take_part(prepare, worker, client, run=uvloop.run)
