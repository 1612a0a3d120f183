"""Faults: whatever is killed, stopped or cut off, what was acknowledged is done, and recorded once."""

import asyncio
import os
import random
import signal
import sys
import time
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta, timezone

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from messenger.workflow import TaskState, Workflow, step
from messenger.workflow.client import Client, WrongState
from messenger.workflow.migrate import migrate
from messenger.workflow.postgres.connection import CannotConnect
from messenger.workflow.postgres.postgres_server import PostgresServer
from messenger.workflow.session import Disconnected
from messenger.workflow.worker import Worker

from .attempts import on_a_loop
from .faulty import (
    AUDIT,
    STATES,
    Gate,
    all_ended,
    assert_recorded_once,
    began,
    calls_in,
    fetch,
    insist,
    kill,
    load,
    stop,
    worker,
)
from .http.speaking import serving
from .worker_program import HELD, LINEAR, OFTEN, POISON, SLOW

SOAK_TASKS = int(os.environ.get("MESSENGER_SOAK_TASKS", "2000"))
SEED = int(os.environ.get("MESSENGER_SOAK_SEED", random.SystemRandom().randrange(2**32)))
KILLS = 8
FOREVER_SECONDS = 3600.0  # of a lease that nobody can wait for

RUN_OUT = "UPDATE messenger_workflow.queue SET due_at = clock_timestamp() WHERE leased"

BREAK_ONE = """
SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
ORDER BY random() LIMIT 1
"""

# Not waiting for their ends, which takes long enough for them to come back.
BREAK_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> ALL (%s)
"""

STOP_LISTENING = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND starts_with(query, 'LISTEN "messenger_cancelled"')
"""

CLIENT = """
import asyncio, os, signal, sys
from messenger.workflow import Template
from messenger.workflow.client import Client

async def main():
    async with Client(sys.argv[1]) as client:
        created = await client.create(await client.template("linear"))
        os.write(1, str(created.task_id).encode())
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.fixture
def calls(tmp_path):
    """Where workers write down the calls of their handlers."""
    path = tmp_path / "calls"
    path.touch()
    return path


def creating(client, workflow, prefix=""):
    """Return what `load` is to create tasks with, over the database itself."""

    async def create(key):
        return (await client.create(workflow, identity_key=prefix + key)).task_id

    return create


def creating_over_http(find_server):
    """Return the same, over whatever server there is at the time; a key makes asking again harmless."""
    path = f"/v1/workflows/{LINEAR.template.namespace}/{LINEAR.template.name}/tasks"

    def ask(key):
        try:
            with find_server().connect() as connection:
                answer = connection.ask("POST", path, {"identity_key": key})
        except OSError as error:
            raise Disconnected(str(error)) from error
        if answer is None:
            raise Disconnected("it was killed before it answered")
        assert answer.status in (200, 201), answer
        return answer.json["task_id"]

    return lambda key: asyncio.to_thread(ask, key)


class Count:
    """How many tasks are acknowledged, for a fault that waits for so many."""

    def __init__(self):
        self._number = 0
        self._grown = asyncio.Event()

    def __call__(self, number):
        self._number = number
        self._grown.set()

    async def reached(self, number):
        while self._number < number:
            self._grown.clear()
            await self._grown.wait()


@on_a_loop
async def test_a_step_of_a_killed_worker_is_taken_over(database, calls, tmp_path):
    """Nobody else may have to tell that a worker died: its lease runs out."""
    gate = Gate(tmp_path)
    async with Client(database) as client, worker(database, calls) as first:
        task_id, _ = await client.create(HELD, gate.input)
        assert await began(first) == (task_id, 1)
        async with worker(database, calls) as second:
            await kill(first)

            task = await client.wait(task_id)

            assert task.state is TaskState.COMPLETE
            assert task.results == {"held": [2, second.pid]}
    assert_recorded_once(database, [task_id], calls, steps=1)
    assert [call.pid for call in calls_in(calls)] == [first.pid, second.pid]
    assert fetch(database, AUDIT, task_id) == [
        ("pending", "enqueued", 0, None),
        ("enqueued", "in_progress", 1, None),
        ("in_progress", "enqueued", 1, "its lease ran out"),
        ("enqueued", "in_progress", 2, None),
        ("in_progress", "complete", 2, None),
    ]


@on_a_loop
async def test_what_was_acknowledged_outlives_crashes_of_postgresql(server, calls):
    migrate(server.url)
    url = server.url
    count = Count()
    async with worker(url, calls), Client(url) as client:
        loading = asyncio.create_task(load(creating(client, LINEAR), 300, acknowledged=count))
        for number in (50, 200):
            await count.reached(number)
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
        task_ids = await loading

        await all_ended(client, url)

        assert_recorded_once(url, task_ids, calls)


@on_a_loop
async def test_what_was_acknowledged_outlives_crashes_of_the_http_server(database, calls):
    count = Count()
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(database))]
        async with worker(database, calls), Client(database) as client:
            create = creating_over_http(lambda: servers[-1])
            loading = asyncio.create_task(load(create, 300, together=8, acknowledged=count))
            for number in (50, 200):
                await count.reached(number)
                servers[-1].process.kill()
                servers.append(await asyncio.to_thread(stack.enter_context, serving(database)))
            task_ids = await loading

            await all_ended(client, database)

    assert_recorded_once(database, task_ids, calls)


@on_a_loop
async def test_workers_may_be_killed_at_any_time(database, calls):
    """More than their number would tell of a fault in 2,000: MESSENGER_SOAK_TASKS=10000."""
    print(f"MESSENGER_SOAK_SEED={SEED}")
    chance, part, task_ids = random.Random(SEED), SOAK_TASKS // KILLS, []
    async with Client(database) as client, AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(worker(database, calls)) for _ in range(3)]
        for number in range(KILLS):
            count, create = Count(), creating(client, LINEAR, f"{number}-")
            loading = asyncio.create_task(load(create, part, acknowledged=count))
            await count.reached(chance.randrange(part))
            await kill(workers.pop(chance.randrange(3)))
            workers.append(await stack.enter_async_context(worker(database, calls)))
            task_ids += await loading

        await all_ended(client, database)

    assert_recorded_once(database, task_ids, calls)


@on_a_loop
async def test_a_worker_that_was_stopped_records_nothing_over_the_next(database, calls, tmp_path):
    """A machine that sleeps wakes with leases that are another's; the attempt is the token that tells."""
    first_gate, second_gate = Gate(tmp_path, 1), Gate(tmp_path, 2)
    async with Client(database) as client, worker(database, calls) as first:
        task_id, _ = await client.create(HELD, first_gate.input | second_gate.input)
        await began(first)
        first.send_signal(signal.SIGSTOP)
        async with worker(database, calls) as second:
            assert await began(second) == (task_id, 2)
            first_gate.open()
            first.send_signal(signal.SIGCONT)
            await stop(first)
            assert (await client.task(task_id)).state is TaskState.IN_PROGRESS

            second_gate.open()

            assert (await client.wait(task_id)).results == {"held": [2, second.pid]}
    assert_recorded_once(database, [task_id], calls, steps=1)


@on_a_loop
async def test_a_result_whose_lease_was_taken_over_is_refused(database, calls, tmp_path):
    """The same, of a worker that has not noticed: the clock of the server went ahead."""
    first_gate, second_gate = Gate(tmp_path, 1), Gate(tmp_path, 2)
    blind = {"lease_seconds": FOREVER_SECONDS, "poll_seconds": FOREVER_SECONDS}
    async with Client(database) as client, worker(database, calls, **blind) as first:
        task_id, _ = await client.create(HELD, first_gate.input | second_gate.input)
        await began(first)
        fetch(database, RUN_OUT)
        async with worker(database, calls) as second:
            await began(second)
            first_gate.open()
            await stop(first)
            assert (await client.task(task_id)).state is TaskState.IN_PROGRESS

            second_gate.open()

            assert (await client.wait(task_id)).results == {"held": [2, second.pid]}
    assert_recorded_once(database, [task_id], calls, steps=1)


@on_a_loop
async def test_a_worker_that_takes_over_from_itself_ends_the_attempt_before(database):
    """It was woken late and found its own step due; of two that are one to it, it would keep neither."""
    started, told, released = asyncio.Queue(), asyncio.Event(), asyncio.Event()

    @step(retry=OFTEN)
    async def wait(context):
        started.put_nowait(context.attempt)
        try:
            await released.wait()
        except asyncio.CancelledError:
            told.set()
            raise
        return context.attempt

    workflow = Workflow("waiting", version="1", steps=[wait])
    worker = Worker(database, [workflow], lease_seconds=FOREVER_SECONDS, poll_seconds=0.05)
    async with Client(database) as client:
        working = asyncio.create_task(worker.run())
        task_id, _ = await client.create(workflow)
        assert await started.get() == 1

        fetch(database, RUN_OUT)

        assert await started.get() == 2
        await told.wait()
        released.set()
        assert (await client.wait(task_id)).results == {"wait": 2}
        worker.stop()
        await working


@on_a_loop
async def test_nothing_of_a_cancelled_task_begins(database, calls):
    """But for what a worker had leased by then, and learns of a moment later."""
    chance, cancelled_ns = random.Random(SEED), {}
    print(f"MESSENGER_SOAK_SEED={SEED}")

    async def cancel(client, task_id):
        with suppress(WrongState):
            await client.cancel(task_id, "changed my mind")
            cancelled_ns[task_id] = time.monotonic_ns()

    async with Client(database) as client, AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(worker(database, calls))
        task_ids = await load(creating(client, SLOW), 400)
        for task_id in chance.sample(task_ids, 200):
            await cancel(client, task_id)

        await all_ended(client, database)

    assert len(cancelled_ns) > 20
    late = {
        call[:3] for call in calls_in(calls) if call.began_ns > cancelled_ns.get(call.task_id, sys.maxsize)
    }
    assert late <= {*fetch(database, CANCELLED_IN_PROGRESS)}
    assert fetch(database, STATES_OF, [*cancelled_ns]) == [("cancelled", len(cancelled_ns))]
    assert fetch(database, "SELECT count(*) FROM messenger_workflow.task WHERE state = 'complete'") == [
        (400 - len(cancelled_ns),)
    ]
    assert fetch(database, "TABLE messenger_workflow.queue") == []


CANCELLED_IN_PROGRESS = """
SELECT task_id, template_step.name, step_transition.attempt
FROM messenger_workflow.step_transition
JOIN messenger_workflow.step USING (task_id, number)
JOIN messenger_workflow.task USING (task_id)
JOIN messenger_workflow.template_step USING (template_id, position)
WHERE before = 'in_progress' AND after = 'cancelled'
"""

STATES_OF = (
    "SELECT state::text, count(*) FROM messenger_workflow.task WHERE task_id = ANY (%s) GROUP BY state"
)


@on_a_loop
async def test_what_waits_for_a_thread_does_not_begin_once_it_is_cancelled(database, calls, tmp_path):
    gate = Gate(tmp_path)
    async with Client(database) as client, worker(database, calls, concurrency=4, threads=1) as process:
        running, _ = await client.create(HELD, gate.input)
        await began(process)
        waiting = [(await client.create(HELD, {}, priority=1)).task_id for _ in range(3)]
        await all_leased(database)
        for task_id in waiting:
            await client.cancel(task_id)
        # There is room for one more only when the worker has heard of it.
        await client.run(LINEAR)

        gate.open()

        await client.wait(running)
        after = await client.run(HELD, {})
        assert {call.task_id for call in calls_in(calls) if call.step == "held"} == {running, after.task_id}


@on_a_loop
async def test_what_is_cancelled_on_its_way_to_the_worker_does_not_begin(database):
    """The word of a cancellation may come before the step itself, which then nobody would call off."""
    started, told = asyncio.Queue(), asyncio.Event()

    @step
    async def wait(context):
        started.put_nowait(int(context.task_id))
        if context.input == "forever":
            try:
                await asyncio.Event().wait()
            finally:
                told.set()

    known, unknown = (Workflow("waiting", version=version, steps=[wait]) for version in "12")
    worker = Worker(database, [known], poll_seconds=0.05)
    async with Client(database) as client:
        working = asyncio.create_task(worker.run())
        running, _ = await client.create(known, "forever")
        assert await started.get() == running
        coming, _ = await client.create(unknown, due_at=datetime.now(UTC) + timedelta(days=1))
        with psycopg.connect(database) as connection:  # lets the worker wait for the template, with the lease
            connection.execute("LOCK TABLE messenger_workflow.template")
            fetch(database, "UPDATE messenger_workflow.queue SET due_at = clock_timestamp() WHERE NOT leased")
            await all_leased(database)

            await client.cancel(coming)
            await client.cancel(running)
            await told.wait()

        worker.stop()
        await working
        assert started.empty()


async def all_leased(database):
    while fetch(database, "SELECT task_id FROM messenger_workflow.queue WHERE NOT leased"):
        await asyncio.sleep(0.01)  # PostgreSQL tells nobody of a lease


@on_a_loop
async def test_a_handler_that_kills_its_workers_ends_in_error(database, calls):
    """And takes none of the tasks along that have the bad luck to be on those workers."""
    async with Client(database) as client:
        await client.register(POISON)
        poison, _ = await client.create(POISON, priority=1)
        others = await load(creating(client, LINEAR), 50)
        for _ in range(3):
            async with worker(database, calls) as process:
                assert await process.wait() == -signal.SIGKILL
        async with worker(database, calls):
            await all_ended(client, database)

        task = await client.task(poison)
        [letter] = await client.dead_letters()

    assert (task.state, task.steps[0].attempt) == (TaskState.ERROR, 3)
    assert (letter.task_id, letter.step) == (poison, "die")
    assert letter.reason == "LeaseRanOut: the worker of attempt 3, the last, was not heard of again"
    assert [call.attempt for call in calls_in(calls) if call.task_id == poison] == [1, 2, 3]
    assert fetch(database, STATES_OF, others) == [("complete", 50)]


@on_a_loop
async def test_leases_and_due_times_heed_no_time_zone(database, calls, tmp_path):
    """Were one of them local time, a lease would be over at once, or last for a day."""
    name = sql.Identifier(conninfo_to_dict(database)["dbname"])
    fetch(database, sql.SQL("ALTER DATABASE {} SET timezone = 'Pacific/Chatham'").format(name))
    east = {"TZ": "Pacific/Kiritimati", "PGTZ": "Asia/Kathmandu"}
    west = {"TZ": "Pacific/Pago_Pago", "PGTZ": "America/St_Johns"}
    gate = Gate(tmp_path)
    async with (
        Client(database) as client,
        worker(database, calls, east, lease_seconds=3.0) as first,
        worker(database, calls, west, lease_seconds=3.0) as second,
    ):
        held = {}
        for process, other in ((first, second), (second, first)):
            other.send_signal(signal.SIGSTOP)
            held[process], _ = await client.create(HELD, gate.input)
            await began(process)
            other.send_signal(signal.SIGCONT)
        now = datetime.now(UTC)
        soon = (now + timedelta(seconds=0.5)).astimezone(timezone(timedelta(hours=-11)))
        early = (now - timedelta(minutes=1)).astimezone(timezone(timedelta(hours=14)))
        late = (now + timedelta(minutes=5)).astimezone(timezone(timedelta(hours=-11)))
        later, _ = await client.create(LINEAR, due_at=late)
        await client.run(LINEAR, due_at=early)
        task = await client.run(LINEAR, due_at=soon)
        await kill(first)

        taken_over = await client.wait(held[first])
        gate.open()
        kept = await client.wait(held[second])

        assert soon <= fetch(database, FIRST_BEGAN, task.task_id)[0][0] <= datetime.now(UTC)
        assert taken_over.results == {"held": [2, second.pid]}
        assert kept.results == {"held": [1, second.pid]}
        assert (await client.task(later)).state is TaskState.PENDING


FIRST_BEGAN = (
    "SELECT min(at) FROM messenger_workflow.step_transition WHERE task_id = %s AND after = 'in_progress'"
)


@on_a_loop
async def test_one_of_fifty_creates_a_task(database):
    """At once, each over a connection of its own, and each with its tasks in another order."""
    print(f"MESSENGER_SOAK_SEED={SEED}")
    keys, chance = [f"order {number}" for number in range(20)], random.Random(SEED)
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(Client(database, connections=1)) for _ in range(50)]
        for client in clients:  # each is to create its tasks in one transaction
            await client.register(LINEAR)

        created = await asyncio.gather(
            *(
                client.create(LINEAR, identity_key=key)
                for client in clients
                for key in chance.sample(keys, 20)
            )
        )

    assert [each.new for each in created].count(True) == 20
    assert len({each.task_id for each in created}) == 20
    assert fetch(database, STATES) == [("pending", 20)]


@on_a_loop
async def test_work_is_found_whose_notification_was_lost(database, calls):
    async with Client(database) as client, worker(database, calls, poll_seconds=FOREVER_SECONDS):
        await client.run(LINEAR)

        assert fetch(database, STOP_LISTENING) == [(True,)]

        assert (await client.run(LINEAR)).state is TaskState.COMPLETE


@on_a_loop
async def test_connections_may_break_at_any_time(database, calls):
    async def break_connections():
        while True:
            await asyncio.to_thread(fetch, database, BREAK_ONE)
            await asyncio.sleep(chance.uniform(0.0, 0.02))

    print(f"MESSENGER_SOAK_SEED={SEED}")
    chance = random.Random(SEED)
    async with worker(database, calls), worker(database, calls), Client(database) as client:
        breaking = asyncio.create_task(break_connections())
        task_ids = await load(creating(client, SLOW), 500)
        await asyncio.sleep(0)
        breaking.cancel()

        await all_ended(client, database)

    assert_recorded_once(database, task_ids, calls)


@on_a_loop
async def test_a_worker_that_is_told_to_stop_leaves_nothing_half_done(database, calls):
    """A deployment must not make anybody wait for a lease, nor do any work twice."""
    count = Count()
    async with Client(database) as client, AsyncExitStack() as stack:
        old = await stack.enter_async_context(worker(database, calls, lease_seconds=FOREVER_SECONDS))
        loading = asyncio.create_task(load(creating(client, SLOW), 300, acknowledged=count))
        await count.reached(100)
        await stop(old)
        await stack.enter_async_context(worker(database, calls, lease_seconds=FOREVER_SECONDS))
        task_ids = await loading

        await all_ended(client, database)

    assert_recorded_once(database, task_ids, calls)
    assert {call.attempt for call in calls_in(calls)} == {1}


@on_a_loop
async def test_a_worker_that_is_told_to_stop_gives_back_what_does_not_end(database, calls, tmp_path):
    gate = Gate(tmp_path)
    options = {"lease_seconds": FOREVER_SECONDS, "poll_seconds": FOREVER_SECONDS}
    async with (
        Client(database) as client,
        worker(database, calls, drain_seconds=0.1, **options) as old,
    ):
        task_id, _ = await client.create(HELD, gate.input)
        await began(old)
        async with worker(database, calls, **options) as other:
            await stop(old)

            task = await client.wait(task_id)

            assert task.results == {"held": [2, other.pid]}


@on_a_loop
async def test_a_task_outlives_its_client(database, calls):
    async with Client(database) as client:
        await client.register(LINEAR)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CLIENT, database, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()

        async with worker(database, calls):
            task = await client.wait(int(said))

    assert (process.returncode, task.state) == (-signal.SIGKILL, TaskState.COMPLETE)
    assert_recorded_once(database, [task.task_id], calls)


@on_a_loop
async def test_who_gets_no_connection_is_told_and_a_worker_waits(template, calls):
    with PostgresServer(template=template, settings={"max_connections": "15"}) as server:
        migrate(server.url)
        async with worker(server.url, calls), Client(server.url) as client:
            task_ids = await load(creating(client, LINEAR), 20)
            with all_connections(server.url):
                with pytest.raises(CannotConnect, match="too many clients"):
                    async with Client(server.url):
                        pass
                with pytest.raises(CannotConnect, match="too many clients"):
                    await client.task(task_ids[0])

            task_ids.append(await insist(lambda: creating(client, LINEAR)("afterwards")))
            await all_ended(client, server.url)

        assert_recorded_once(server.url, task_ids, calls)


@contextmanager
def all_connections(url):
    """Have every connection that there is, also those that others had."""
    with ExitStack() as stack:
        mine = [stack.enter_context(psycopg.connect(url, autocommit=True))]
        while True:
            try:
                mine.append(stack.enter_context(psycopg.connect(url, autocommit=True)))
            except psycopg.OperationalError:
                if not mine[0].execute(BREAK_OTHERS, ([each.info.backend_pid for each in mine],)).fetchall():
                    break
        yield
