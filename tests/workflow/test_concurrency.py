"""Concurrency: sessions that do everything at once, and lose no step, do none twice, and never deadlock."""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from contextlib import asynccontextmanager
from random import Random

import pytest

from messenger.workflow import store
from messenger.workflow.session import Session
from messenger.workflow.store import NewTask
from messenger.workflow.template import Step, Template

from .attempts import on_a_loop
from .engine import LEASE, completed, opened
from .templates import step
from .test_engine_model import check_dead_letters, check_graph, check_steps, check_task
from .working import execute

# Ready first, so that several begin at the same moment.
REGISTER = """
import asyncio, sys
from messenger.workflow import Step, Template
from messenger.workflow.session import Session
from messenger.workflow.store import register_template

async def register(url, namespace, number):
    async with Session(url) as session:
        await session.connect()
        print("ready", flush=True)
        sys.stdin.readline()
        steps = [Step(name=f"s{at}", handler=f"h{at * int(number) % 97}") for at in range(1, 50)]
        template = Template(f"orders-{number}", "1", steps, namespace=namespace)
        print(await register_template(session, template))

asyncio.run(register(*sys.argv[1:]))
"""


@pytest.fixture
def many(shared_database):
    """Sessions to be opened at once, which are to have no deadlock in the end."""

    @asynccontextmanager
    async def open_many(count):
        sessions = [Session(shared_database) for _ in range(count)]
        await asyncio.gather(*(session.connect() for session in sessions))
        try:
            yield sessions
        finally:
            for session in sessions:
                await session.close()

    before = deadlocks(shared_database)
    yield open_many
    assert deadlocks(shared_database) == before


def deadlocks(url):
    [(count,)] = execute(url, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return count


class Hands:
    """What a worker does with a session, one call at a time."""

    def __init__(self, session, handlers, name):
        self.session, self.handlers, self.name = session, handlers, name

    async def finish(self, results, most=0, claim=True):
        return await store.complete_steps(
            self.session,
            [completed(lease, result) for lease, result in results.items()],
            most=most,
            claim=claim,
            handler_ids=self.handlers,
            lease=LEASE,
            worker=self.name,
        )

    async def fail(self, lease, delay_seconds):
        error = {"type": "OSError", "message": "no disk"}
        return await store.fail_step(
            self.session, lease, error, delay_seconds=delay_seconds, worker=self.name
        )


async def hands_of(sessions, namespace):
    handlers = [*await store.handler_ids(sessions[0], [(namespace, "work")])]
    return [Hands(session, handlers, f"worker-{at}") for at, session in enumerate(sessions)]


@on_a_loop
async def test_one_key_is_one_task_however_many_create_it_at_once(many):
    async with many(50) as sessions:
        versions = [await registered(sessions[0], step("work"), version=version) for version in "12"]
        created = await asyncio.gather(
            *(
                store.create_tasks(session, [NewTask(versions[at % 2], "1", "order-7")])
                for at, session in enumerate(sessions)
            )
        )

    assert len({each.task_id for [each] in created}) == 1
    assert [each.new for [each] in created].count(True) == 1


async def registered(session, *steps, **others):
    others = {"name": "orders", "version": "1", "namespace": f"concurrent-{id(steps)}"} | others
    return await store.register_template(session, Template(steps=steps, **others))


@on_a_loop
async def test_keys_may_come_in_any_order_at_once(many):
    """Two that insert them crosswise would each wait for the other."""
    chance = Random(7)
    async with many(6) as sessions:
        number = await registered(sessions[0], step("work"))

        async def create(session, turn):
            tasks = [NewTask(number, "1", f"{turn}-{key}") for key in range(40)]
            return await store.create_tasks(session, chance.sample(tasks, len(tasks)))

        for turn in range(15):
            created = await asyncio.gather(*(create(session, turn) for session in sessions))

            assert len({each.task_id for some in created for each in some}) == 40


@on_a_loop
async def test_a_step_is_leased_to_one(many):
    async with many(6) as sessions:
        number = await registered(sessions[0], step("work"), namespace="leased")
        await store.create_tasks(sessions[0], [NewTask(number, "1")] * 300)

        async def claim_all(hands):
            found = []
            while leases := (await hands.finish({}, 7))[0]:
                found += leases
            return found

        hands = await hands_of(sessions, "leased")
        leases = [lease for some in await asyncio.gather(*map(claim_all, hands)) for lease in some]

    assert len(leases) == len({lease.task_id for lease in leases}) == 300


@on_a_loop
async def test_clones_that_end_at_once_let_what_follows_run_once(many):
    """The last of them releases it, and each of several may seem to be the last."""
    chance = Random(7)
    async with many(4) as sessions:
        number = await registered(
            sessions[0],
            step("split", kind="batch", worker="load", convergence="sum"),
            step("load", "split"),
            step("sum", "load"),
            namespace="clones",
        )
        hands = await hands_of(sessions, "clones")
        for _ in range(5):
            await store.create_tasks(sessions[0], [NewTask(number, "1")])
            [split], _ = await hands[0].finish({}, 1)
            await hands[0].finish({split: json.dumps([[at, at + 1] for at in range(60)])})
            clones, _ = await hands[0].finish({}, 60)
            chance.shuffle(clones)

            async def finish(each, clones):
                found = []
                while clones:
                    some = [clones.pop() for _ in range(min(len(clones), chance.randint(1, 4)))]
                    leases, refused = await each.finish(dict.fromkeys(some, "1"), 2)
                    assert refused == []
                    found += leases
                return found

            found = await asyncio.gather(*(finish(each, clones[at::4]) for at, each in enumerate(hands)))

            [after] = [lease for some in found for lease in some]
            assert json.loads(after.results) == {"load": [1] * 60}
            await hands[0].finish({after: "1"})


FAN = (
    step("first"),
    *(step(f"arm-{at}", "first") for at in range(6)),
    step("last", *(f"arm-{at}" for at in range(6))),
)


@on_a_loop
async def test_who_completes_and_claims_in_one_call_waits_for_nobody_in_a_ring(many):
    """Each holds the task of what it completes, and claims a step of the task that another one holds."""
    async with many(6) as sessions:
        number = await registered(sessions[0], *FAN, namespace="fan")
        await store.create_tasks(sessions[0], [NewTask(number, "1")] * 30)

        async def work(hands):
            leases, done = [], 0
            while True:
                leases, refused = await hands.finish(dict.fromkeys(leases, "1"), 3)
                assert refused == []
                done += len(leases)
                if not leases and not await unsettled(hands.session, number):
                    return done

        done = await asyncio.gather(*map(work, await hands_of(sessions, "fan")))

    assert sum(done) == 30 * len(FAN)


async def unsettled(session, number):
    connection = await session.connect()
    cursor = await connection.execute(
        "SELECT count(*) FROM task WHERE template_id = %s AND state IN ('pending', 'in_progress', 'waiting')",
        [number],
    )
    [(count,)] = await cursor.fetchall()
    return count


@on_a_loop
async def test_whatever_is_done_at_once_the_rows_agree(many, shared_database):
    """Cancelling against claiming against completing against leases that run out."""
    template = Template("orders", "1", FAN, namespace="churn")
    async with many(7) as sessions:
        number = await store.register_template(sessions[0], template)
        created = await store.create_tasks(sessions[0], [NewTask(number, "1")] * 40)
        task_ids = [each.task_id for each in created]
        hands = await hands_of(sessions, "churn")
        over = asyncio.Event()
        cancelled = {}

        async def work(hands, chance):
            leases, begun = [], []
            while True:
                failing = [lease for lease in leases if chance.random() < 0.15]
                for lease in failing:
                    await hands.fail(lease, chance.choice([0, 0.01]))
                results = {lease: "1" for lease in leases if lease not in failing}
                asked = asyncio.get_running_loop().time()
                leases, _ = await hands.finish(results, chance.randint(1, 4))
                begun += [(lease, asked) for lease in leases]
                if chance.random() < 0.2:
                    leases = []  # it dies
                if not leases and not await unsettled(hands.session, number):
                    over.set()
                    return begun

        async def cancel(session, chance):
            for task_id in chance.sample(task_ids, 15):
                await store.cancel_task(session, task_id, "churn")
                cancelled[task_id] = asyncio.get_running_loop().time()
                await asyncio.sleep(0)

        async def run_out(session):
            connection = await session.connect()
            while not over.is_set():
                await connection.execute(
                    "UPDATE queue SET due_at = clock_timestamp() WHERE (task_id, number) IN ("
                    " SELECT task_id, number FROM queue WHERE task_id = ANY (%s) AND leased"
                    " ORDER BY due_at LIMIT 10 FOR UPDATE SKIP LOCKED)",
                    [task_ids],
                )
                await asyncio.sleep(0.005)

        *found, _, _ = await asyncio.gather(
            *(work(each, Random(at)) for at, each in enumerate(hands[2:])),
            cancel(sessions[0], Random(7)),
            run_out(sessions[1]),
        )

    begun = [each for some in found for each in some]
    assert all(asked < cancelled.get(lease.task_id, asked + 1) for lease, asked in begun)
    attempts = Counter((lease.task_id, lease.number, lease.attempt) for lease, _ in begun)
    assert max(attempts.values()) == 1
    await asyncio.to_thread(check_rows, shared_database, template, task_ids)


def check_rows(url, template, task_ids):
    with opened(url) as engine:
        rows = engine.rows(*task_ids)
    for task in rows["task"]:
        of_task = {
            table: [row for row in found if row["task_id"] == task["task_id"]]
            for table, found in rows.items()
        }
        steps = {row["number"]: row for row in of_task["step"]}
        check_task(task, steps, of_task["task_transition"])
        check_steps(steps, of_task["step_transition"])
        check_graph(template, task, steps)
        check_dead_letters(steps, of_task)


@on_a_loop
async def test_templates_with_handlers_in_common_may_be_registered_at_once(many):
    """Each inserts those that are missing, and waits for who inserted one of them before."""
    chance = Random(7)
    async with many(6) as sessions:
        for turn in range(8):
            every = [Step(name=f"s{at}", handler=f"s{at}") for at in range(300)]
            some = [chance.sample(every, chance.randint(150, 300)) for _ in sessions]
            await asyncio.gather(
                *(
                    registered(session, *steps, name=f"orders-{at}", namespace=f"in-common-{turn}")
                    for at, (session, steps) in enumerate(zip(sessions, some, strict=True))
                )
            )


def test_processes_may_register_at_once(shared_database):
    """As they do when several workers of a deployment start, whose workflows have handlers in common."""
    before = deadlocks(shared_database)
    for turn in range(3):
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", REGISTER, shared_database, f"registered-{turn}", str(number)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in (1, 1, 2, 3)
        ]
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        found = [process.communicate(timeout=60)[0] for process in processes]

        assert found[0] == found[1] != ""
        assert len({*found}) == 3
    assert deadlocks(shared_database) == before
