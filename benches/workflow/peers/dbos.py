"""DBOS: a workflow of three steps, run in the process that creates it.

At its best here:

- In the process, as it is meant to be used: through its queues, a workflow waits for a poll as well.
- Threads that call the workflow: with coroutines every statement is a thread's all the same, and
  `start_workflow` adds a handle and another thread. Both did less with 64 in flight. With one,
  `start_workflow` did 205 a second and this 188, medians of three runs that differed as much.
- Two processes when many are in flight, each an executor of its own on the one database: one is bound by its
  interpreter lock.
- A connection for each thread, and no question whether it lives whenever it is used. A quarter of them did as
  many workflows a second, with twice the latency at p99.

It keeps the result of each step and of the workflow, which is complete once the call returns.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from dbos import DBOS
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL

from .process import STEPS, Part, run_step, run_workflows, say_report, take_part


@DBOS.step()
def step(workflow: str, number: int) -> int:
    return run_step(workflow, number)


@DBOS.workflow()
def linear(workflow: str) -> list[int]:
    return [step(workflow, number) for number in STEPS]


async def prepare(part: Part) -> None:
    _launch(part)
    DBOS.destroy()


async def client(part: Part) -> None:
    _launch(part)
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(part.in_flight) as threads:
        report = await run_workflows(part, lambda name: loop.run_in_executor(threads, linear, name))
    DBOS.destroy()
    say_report(report)


def _launch(part: Part) -> None:
    DBOS(
        config={
            "name": "peer",
            "system_database_url": _sqlalchemy_url(part.url),
            "sys_db_pool_size": max(2, part.in_flight),
            "db_engine_kwargs": {"pool_pre_ping": False},
            "executor_id": f"peer-{part.number}",
            "application_version": "1",
            "log_level": "ERROR",
        }
    )
    DBOS.launch()


def _sqlalchemy_url(url: str) -> str:
    """Read *url* as libpq does; SQLAlchemy wants the folder of a socket behind a question mark."""
    words = conninfo_to_dict(url)
    return URL.create(
        "postgresql",
        username=str(words["user"]),
        password=words.get("password"),
        database=str(words["dbname"]),
        query={"host": str(words["host"]), "port": str(words["port"])},
    ).render_as_string(hide_password=False)


if __name__ == "__main__":
    take_part(prepare, client, run=asyncio.run)
