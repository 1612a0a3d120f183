"""What the tests of faults share: workers to kill, load, and what is to hold of it in the end."""

import asyncio
import json
import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg

from messenger.workflow.postgres.connection import CannotConnect
from messenger.workflow.session import Disconnected

PROGRAM = Path(__file__).with_name("worker_program.py")


class Call(NamedTuple):
    """A call of a handler, as `worker_program` writes it down."""

    task_id: int
    step: str
    attempt: int
    pid: int
    began_ns: int


@asynccontextmanager
async def worker(url, calls, environment=None, **options):
    """A worker that is ready; in the end it is told to stop, unless it was killed, and must obey."""
    options = {"lease_seconds": 1.0, "poll_seconds": 0.1, "concurrency": 16} | options
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        PROGRAM,
        url,
        calls,
        json.dumps(options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | (environment or {}),
    )
    try:
        assert await process.stdout.readline() == b"ready\n"
        yield process
        if process.returncode is None:
            await stop(process)
        assert process.returncode in (0, -signal.SIGKILL)
    finally:
        if process.returncode is None:
            await kill(process)


async def kill(process):
    """End it as the kernel does that has no memory left."""
    process.kill()
    await process.wait()


async def stop(process):
    """Ask it to end, and see that it does so without complaint."""
    process.terminate()
    assert await process.wait() == 0


async def began(process):
    """Wait until a step that is held has begun, and return its task and its attempt."""
    said, task_id, attempt = (await process.stdout.readline()).split()
    assert said == b"began"
    return int(task_id), int(attempt)


class Gate:
    """A pipe that a handler which is held waits for; it is in the input of its task, by the attempt."""

    def __init__(self, folder, attempt=1):
        path = folder / f"gate-{attempt}"
        os.mkfifo(path)
        self.input = {str(attempt): str(path)}
        self._pipe = open(path, "r+b", buffering=0)  # noqa: SIM115 - a reader that comes late must find it open

    def open(self):
        """Let the handler end, also one that comes later."""
        self._pipe.write(b"\n")


async def load(create, count, *, together=32, acknowledged=lambda number: None):
    """Create *count* tasks, so many *together*, and return their numbers.

    create: takes an identity key and returns a number, over whatever leads to the engine. What it does not
    acknowledge, because its connection broke or there is none, is asked for again. acknowledged: called
    with how many there are.
    """
    keys, found = iter(range(count)), []

    async def create_some():
        for key in keys:
            found.append(await insist(lambda key=key: create(str(key))))
            acknowledged(len(found))

    await asyncio.gather(*(create_some() for _ in range(together)))
    return found


async def insist(call):
    """Return what *call* does, however often its connection breaks."""
    while True:
        try:
            return await call()
        except (Disconnected, CannotConnect):
            await asyncio.sleep(0.02)


async def all_ended(client, url):
    """Wait until no task in the database is open, each time for the end of the latest that is."""
    while rows := await insist(lambda: _fetch(url, OPEN)):
        await insist(lambda rows=rows: client.wait(rows[0][0]))


def fetch(url, statement, *parameters):
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def calls_in(path):
    return [Call(*json.loads(line)) for line in path.read_text().splitlines()]


def assert_recorded_once(url, task_ids, calls, *, steps=3):
    """Assert that all tasks are complete, and each step with the result of one call, recorded once."""
    assert len({*task_ids}) == len(task_ids)
    assert fetch(url, "SELECT task_id FROM messenger_workflow.task ORDER BY 1") == [
        (n,) for n in sorted(task_ids)
    ]
    assert fetch(url, STATES) == [("complete", len(task_ids))]
    recorded = fetch(url, RECORDED)
    assert len(recorded) == steps * len(task_ids)
    assert [row for row in recorded if row[3] != 1] == []
    assert fetch(url, "TABLE messenger_workflow.queue") == []
    assert fetch(url, "TABLE messenger_workflow.dead_letter") == []
    # Of each attempt that was leased there is at most one call; of the one that is recorded, that one.
    called = {call[:4] for call in calls_in(calls)}
    assert len(called) == len({call[:3] for call in called}) == len(calls_in(calls))
    assert {call[:3] for call in called} <= {*fetch(url, BEGUN)}
    assert {(task_id, step, *result) for task_id, step, result, _ in recorded} <= called


async def _fetch(url, statement):
    try:
        return await asyncio.to_thread(fetch, url, statement)
    except psycopg.OperationalError as error:
        raise Disconnected(str(error)) from error


OPEN = """
SELECT task_id FROM messenger_workflow.task
WHERE state IN ('pending', 'in_progress', 'waiting') ORDER BY task_id DESC LIMIT 1
"""

STATES = "SELECT state::text, count(*) FROM messenger_workflow.task GROUP BY state ORDER BY 1"

RECORDED = """
SELECT task_id, template_step.name, result, count(*) FILTER (WHERE after = 'complete')
FROM messenger_workflow.step
JOIN messenger_workflow.task USING (task_id)
JOIN messenger_workflow.template_step USING (template_id, position)
JOIN messenger_workflow.step_transition USING (task_id, number)
GROUP BY task_id, number, template_step.name, result
"""

BEGUN = """
SELECT task_id, template_step.name, step_transition.attempt
FROM messenger_workflow.step_transition
JOIN messenger_workflow.step USING (task_id, number)
JOIN messenger_workflow.task USING (task_id)
JOIN messenger_workflow.template_step USING (template_id, position)
WHERE after = 'in_progress'
"""

AUDIT = """
SELECT before::text, after::text, step_transition.attempt, reason
FROM messenger_workflow.step_transition JOIN messenger_workflow.step USING (task_id, number)
WHERE task_id = %s ORDER BY number, nth
"""
