"""Worker: whatever handlers do, and whatever becomes of the database, it goes on."""

import asyncio
import math
import re
from datetime import UTC, datetime, timedelta

import pytest

from messenger.workflow import LeaseLost, PermanentError, Retry, RetryLater, Step, decision, step
from messenger.workflow.client import Client
from messenger.workflow.migrate import migrate
from messenger.workflow.session import Session
from messenger.workflow.state import StepState, TaskState
from messenger.workflow.store import NewTask, create_tasks
from messenger.workflow.worker import Worker

from .attempts import on_a_loop
from .working import SOON, execute, let_run_out, run, served, workflow, working

ONCE = Retry(max_attempts=1)
IN_A_YEAR = datetime.now(UTC) + timedelta(days=365)
QUICK = Retry(max_attempts=3, base_seconds=0.001, cap_seconds=0.001)


def returning(value, **options):
    @step(name="work", handler="work", **options)
    async def work(context):
        return value(context) if callable(value) else value

    return work


def raising(error, **options):
    @step(name="work", handler="work", **options)
    async def work(context):
        raise error

    return work


async def goes_on(client, namespace):
    """Claim that the worker of *namespace*, which has a handler "well", still works."""
    task = await run(client, workflow(WELL, name="well", namespace=namespace))
    return task.results == {"well": "done"}


@step
async def well(context):
    return "done"


WELL = well


async def failed_with(url, bad, input=None):
    """Run a step that is to fail, and tell its error, and how often it was attempted."""
    orders = workflow(bad)
    healthy = workflow(WELL, name="well", namespace=orders.template.namespace)
    async with served(url, orders, healthy) as client:
        task = await run(client, orders, input)

        assert task.state is TaskState.ERROR
        assert await goes_on(client, orders.template.namespace)
    return task.steps[0].error, task.steps[0].attempt


@on_a_loop
async def test_steps_run_in_their_order_and_hand_on_their_results(shared_database):
    @step
    def reserve(context):
        return {"items": context.input["items"]}

    @step(depends_on=[reserve])
    async def charge(context):
        return len(context.results["reserve"]["items"])

    orders = workflow(reserve, charge)
    async with served(shared_database, orders) as client:
        task = await run(client, orders, {"items": [1, 2]})

    assert task.state is TaskState.COMPLETE
    assert task.results == {"reserve": {"items": [1, 2]}, "charge": 2}


# Results.


@pytest.mark.parametrize(
    ("value", "why"),
    [
        pytest.param("x" * 10_000_000, "takes 10,000,002 bytes, and 1,048,576 are stored", id="10MB"),
        pytest.param(object(), "Encoding objects of type object", id="object"),
        pytest.param(math.nan, "it holds the number nan", id="nan"),
        pytest.param("half a pair \ud800", "surrogates not allowed", id="surrogate"),
        pytest.param("nul \0", r"it holds the character U\+0000", id="nul"),
    ],
)
@on_a_loop
async def test_a_result_that_cannot_be_stored_fails_at_once(shared_database, value, why):
    """Another attempt would return it again."""
    error, attempts = await failed_with(shared_database, returning(value))

    assert error["type"] == "BadResult"
    assert attempts == 1
    assert re.search(why, error["message"])


@on_a_loop
async def test_a_decision_that_chooses_what_it_cannot_fails_at_once(shared_database):
    @decision(may_create=["ship"])
    def judge(context):
        return "sell"

    orders = workflow(judge, Step(name="ship", handler="ship", depends_on=("judge",)))
    async with served(shared_database, orders) as client:
        task = await run(client, orders)

    assert task.steps[0].error["message"].startswith("decision 'judge' chose 'sell'")


@on_a_loop
async def test_a_huge_number_comes_back_as_it_was(shared_database):
    orders = workflow(returning(10**400))
    async with served(shared_database, orders) as client:
        task = await run(client, orders)

    assert task.results == {"work": 10**400}


@on_a_loop
async def test_an_input_that_is_too_deep_to_be_read_does_not_end_the_worker(shared_database):
    """How deep JSON may be is up to each Python: it may be written by another."""
    orders = workflow(returning(1))
    healthy = workflow(WELL, name="well", namespace=orders.template.namespace)
    async with served(shared_database, orders, healthy) as client, Session(shared_database) as session:
        number = await client.register(orders)
        [created] = await create_tasks(session, [NewTask(number, "[" * 3000 + "]" * 3000)])

        async with asyncio.timeout(SOON):
            while not ended(shared_database, created.task_id):
                await asyncio.sleep(0.01)
        assert await goes_on(client, orders.template.namespace)


def ended(url, task_id):
    [(state,)] = execute(url, "SELECT state::text FROM task WHERE task_id = %s", task_id)
    return state in ("complete", "error")


# Errors.


@on_a_loop
async def test_what_raises_is_tried_again_as_often_as_its_template_says(shared_database):
    error, attempts = await failed_with(shared_database, raising(OSError("no disk"), retry=QUICK))

    assert (error["type"], error["message"], attempts) == ("OSError", "no disk", 3)
    assert "raise error" in error["traceback"]


@on_a_loop
async def test_a_permanent_error_is_not_tried_again(shared_database):
    error, attempts = await failed_with(shared_database, raising(PermanentError("no such order")))

    assert (error["message"], attempts) == ("no such order", 1)


@on_a_loop
async def test_what_asks_for_a_retry_is_tried_again_then(shared_database):
    @step(retry=Retry(base_seconds=1000, cap_seconds=1000, jitter="none"))
    async def work(context):
        if context.attempt == 1:
            raise RetryLater(0)
        return context.attempt

    orders = workflow(work)
    async with served(shared_database, orders) as client:
        task = await run(client, orders)

    assert task.results == {"work": 2}


@pytest.mark.parametrize("seconds", [1e13, 1e300])
@on_a_loop
async def test_a_retry_in_a_million_years_does_not_end_the_worker(shared_database, seconds):
    """PostgreSQL has no such time, and a handler may have taken it from somebody's header."""
    orders = workflow(raising(RetryLater(seconds)))
    healthy = workflow(WELL, name="well", namespace=orders.template.namespace)
    async with served(shared_database, orders, healthy) as client:
        created = await client.create(orders)

        assert await goes_on(client, orders.template.namespace)
        async with asyncio.timeout(SOON):
            while (await client.task(created.task_id)).state is not TaskState.WAITING:
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("message", ["half a pair \ud800", "nul \0", "x" * 10_000_000, "%s {} '"])
@on_a_loop
async def test_an_error_may_say_anything(shared_database, message):
    error, _ = await failed_with(shared_database, raising(ValueError(message), retry=ONCE))

    assert error["type"] == "ValueError"
    assert len(error["message"]) <= 2000


@on_a_loop
async def test_an_error_that_cannot_say_what_it_is_does_not_end_the_worker(shared_database):
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    error, _ = await failed_with(shared_database, raising(Mute(), retry=ONCE))

    assert error["type"] == "Mute"


@on_a_loop
async def test_a_handler_that_hangs_times_out(shared_database):
    @step(timeout_seconds=0.05, retry=ONCE)
    async def work(context):
        await asyncio.Event().wait()

    error, _ = await failed_with(shared_database, work)

    assert error["type"] == "TimedOut"


@on_a_loop
async def test_a_handler_that_wants_to_exit_does_not_end_the_worker(shared_database):
    error, _ = await failed_with(shared_database, raising(SystemExit(3), retry=ONCE))

    assert error["type"] == "HandlerDied"


@on_a_loop
async def test_results_that_are_too_large_together_fail_the_step_that_wants_them(shared_database):
    many = [Step(name=f"part-{number}", handler="part") for number in range(40)]

    @step(name="part-40", handler="part")
    async def part(context):
        return "x" * 1_000_000

    @step(depends_on=[*(each.name for each in many), part])
    async def whole(context):
        return "whole"

    orders = workflow(*many, part, whole)
    healthy = workflow(WELL, name="well", namespace=orders.template.namespace)
    async with Client(shared_database) as client, working(shared_database, orders, healthy):
        created = await client.create(orders)
        async with asyncio.timeout(SOON):
            while not (task := await client.task(created.task_id)).ended:
                await asyncio.sleep(0.05)

        assert task.steps[-1].error["message"].startswith("the results that it depends on take 41,0")
        assert await goes_on(client, orders.template.namespace)


# Which steps it takes.


@on_a_loop
async def test_a_task_of_another_version_is_done_by_whoever_has_its_handlers(shared_database):
    """During a deployment, tasks of both versions are there."""
    old = workflow(returning("old"))
    new = workflow(
        returning(lambda context: context.step),
        Step(name="again", handler="work", depends_on=("work",)),
        version="2",
        namespace=old.template.namespace,
    )
    async with served(shared_database, old) as client:
        task = await run(client, new.template)

    assert task.results == {"work": "old", "again": "old"}


@on_a_loop
async def test_a_step_whose_handler_is_elsewhere_stays_queued(shared_database):
    orders = workflow(returning(1), Step(name="far", handler="far", depends_on=("work",)))
    async with served(shared_database, orders) as client:
        created = await client.create(orders)
        await goes_on_until(client, created.task_id, "far", StepState.ENQUEUED)

        far = workflow(
            step(handler="far", name="far")(lambda context: "here"),
            name="far",
            namespace=orders.template.namespace,
        )
        async with working(shared_database, far):
            task = await client.wait(created.task_id, SOON)

    assert task.results == {"work": 1, "far": "here"}


async def goes_on_until(client, task_id, name, state):
    async with asyncio.timeout(SOON):
        while {each.name: each.state for each in (await client.task(task_id)).steps}[name] is not state:
            await asyncio.sleep(0.01)


@on_a_loop
async def test_two_functions_cannot_be_one_handler(shared_database):
    """Which of them did a step would depend on the order of the list."""
    one = workflow(returning(1))
    other = workflow(returning(2), name="invoices", namespace=one.template.namespace)

    with pytest.raises(ValueError, match="handler 'work' is"):
        async with working(shared_database, one, other):
            pass


# Leases.


@on_a_loop
async def test_the_lease_of_a_long_step_is_extended(shared_database):
    """Or another worker would begin it as well."""
    begun, checked = asyncio.Event(), asyncio.Event()
    attempts = []

    @step
    async def work(context):
        attempts.append(context.attempt)
        context.heartbeat({"row": 7})
        begun.set()
        await checked.wait()

    orders = workflow(work)
    brief = {"lease_seconds": 1}
    async with served(shared_database, orders, **brief) as client, working(shared_database, orders, **brief):
        created = await client.create(orders)
        await begun.wait()
        await extended(shared_database, created.task_id, times=4)
        [(checkpoint,)] = execute(
            shared_database, "SELECT checkpoint FROM step WHERE task_id = %s", created.task_id
        )
        checked.set()
        await client.wait(created.task_id, SOON)

    assert (attempts, checkpoint) == ([1], {"row": 7})


async def extended(url, task_id, times):
    """Wait until the lease of a task's only step has been extended so often."""
    seen = set()
    async with asyncio.timeout(SOON):
        while len(seen) <= times:
            seen |= {*execute(url, "SELECT due_at FROM queue WHERE task_id = %s", task_id)}
            await asyncio.sleep(0.05)


@on_a_loop
async def test_a_checkpoint_survives_a_lost_connection(database):
    """It is given once, and the next attempt is to begin there."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    @step(retry=QUICK)
    async def work(context):
        if context.attempt == 2:
            return context.checkpoint
        context.heartbeat("far")
        begun.set()
        await go_on.wait()
        raise OSError

    orders = workflow(work)
    async with served(database, orders, lease_seconds=1) as client:
        created = await client.create(orders)
        await begun.wait()
        cut_off(database)
        await extended(database, created.task_id, times=2)
        go_on.set()
        task = await client.wait(created.task_id, SOON)

    assert task.results == {"work": "far"}


def cut_off(url):
    """End every other connection to the database."""
    execute(
        url,
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )


@on_a_loop
async def test_an_attempt_that_was_taken_over_does_not_end_its_successor(shared_database):
    """A worker whose loop was blocked takes its own steps over, and has two attempts of one."""
    begun = {1: asyncio.Event(), 2: asyncio.Event()}
    go_on, done = asyncio.Event(), asyncio.Event()

    @step
    async def work(context):
        begun[context.attempt].set()
        await (go_on if context.attempt == 1 else done).wait()
        return context.attempt

    orders = workflow(work)
    async with served(shared_database, orders, lease_seconds=1) as client:
        created = await client.create(orders)
        await begun[1].wait()
        let_run_out(shared_database, created.task_id)
        await begun[2].wait()
        go_on.set()
        await extended(shared_database, created.task_id, times=4)
        done.set()
        task = await client.wait(created.task_id, SOON)

    assert task.results == {"work": 2}


@pytest.mark.parametrize("where", ["loop", "thread"])
@on_a_loop
async def test_what_runs_of_a_cancelled_task_is_told(shared_database, where):
    loop, begun, told = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

    async def on_loop(context):
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.set()
            raise

    def in_thread(context):
        loop.call_soon_threadsafe(begun.set)
        try:
            while True:
                context.heartbeat()
        except LeaseLost:
            loop.call_soon_threadsafe(told.set)
            raise

    orders = workflow(step(name="work", runs_in=where)(on_loop if where == "loop" else in_thread))
    async with served(shared_database, orders) as client:
        created = await client.create(orders)
        await begun.wait()
        await client.cancel(created.task_id)
        await asyncio.wait_for(told.wait(), SOON)

        task = await client.task(created.task_id)

    assert task.state is TaskState.CANCELLED
    assert task.steps[0].state is StepState.CANCELLED


# Stopping.


@on_a_loop
async def test_stopping_lets_what_runs_end(shared_database):
    begun, go_on = asyncio.Event(), asyncio.Event()

    @step
    async def work(context):
        begun.set()
        await go_on.wait()
        return "ended"

    orders = workflow(work, Step(name="after", handler="work", depends_on=("work",)))
    async with Client(shared_database) as client:
        async with working(shared_database, orders) as worker:
            created = await client.create(orders)
            await begun.wait()
            worker.stop()
            go_on.set()
        task = await client.task(created.task_id, results=True)

    assert task.results == {"work": "ended"}
    assert task.steps[1].state is StepState.ENQUEUED


@on_a_loop
async def test_what_does_not_end_in_time_is_given_back(shared_database):
    """With its checkpoint, and at once: its lease is for an hour."""
    begun = asyncio.Event()

    @step
    async def work(context):
        if context.attempt == 2:
            return context.checkpoint
        context.heartbeat("far")
        begun.set()
        return await asyncio.Event().wait()

    orders = workflow(work)
    async with Client(shared_database) as client:
        async with working(shared_database, orders, drain_seconds=0.01, lease_seconds=3600):
            created = await client.create(orders)
            await begun.wait()
        async with working(shared_database, orders):
            task = await client.wait(created.task_id, SOON)

    assert task.results == {"work": "far"}


# The database comes and goes.


@on_a_loop
async def test_what_nobody_told_of_is_found_by_looking(shared_database):
    """A notification is a hint, and one that is lost costs time only."""
    orders = workflow(returning(1))
    async with served(shared_database, orders) as client:
        await run(client, orders)
        # As a task that is created while the doorbell is deaf: a row in the queue, and no notification.
        created = await client.create(orders, due_at=IN_A_YEAR)
        let_run_out(shared_database, created.task_id)

        task = await client.wait(created.task_id, SOON)

    assert task.state is TaskState.COMPLETE


@on_a_loop
async def test_connections_that_are_lost_are_opened_again(database):
    orders = workflow(returning(1))
    async with served(database, orders) as client:
        created = [await client.create(orders) for _ in range(5)]
        cut_off(database)
        tasks = [await client.wait(each.task_id, SOON) for each in created]

    assert {task.state for task in tasks} == {TaskState.COMPLETE}


@pytest.fixture
def own_database(server):
    migrate(server.url)
    return server


@on_a_loop
async def test_a_server_that_is_killed_and_started_again_is_all_the_same(own_database):
    """Worker and client go on, and no task is lost or done twice."""
    half, go_on, done = asyncio.Event(), asyncio.Event(), []

    @step
    async def work(context):
        done.append(context.input)
        if len(done) == 10:
            half.set()
        if len(done) >= 10:
            await go_on.wait()
        return context.input

    orders = workflow(work, Step(name="after", handler="work", depends_on=("work",)))
    url = own_database.url
    async with served(url, orders, concurrency=4, lease_seconds=5) as client:
        created = [await client.create(orders, number) for number in range(10)]
        waiting = [asyncio.create_task(client.wait(each.task_id, SOON)) for each in created]
        await half.wait()
        await asyncio.to_thread(own_database.kill)
        go_on.set()
        await asyncio.to_thread(own_database.start)
        tasks = await asyncio.gather(*waiting)

    assert [task.results for task in tasks] == [{"work": n, "after": n} for n in range(10)]


@on_a_loop
async def test_a_worker_that_is_cancelled_gives_back_what_it_has(shared_database):
    """As Ctrl-C does: others need not wait until its leases, of an hour, run out."""
    begun = asyncio.Event()

    @step
    async def work(context):
        if context.attempt == 2:
            return "again"
        begun.set()
        return await asyncio.Event().wait()

    orders = workflow(work)
    async with Client(shared_database) as client:
        worker = asyncio.create_task(Worker(shared_database, [orders], lease_seconds=3600).run())
        created = await client.create(orders)
        await begun.wait()
        worker.cancel()
        await asyncio.wait([worker])
        async with working(shared_database, orders):
            task = await client.wait(created.task_id, 5)

    assert worker.cancelled()
    assert task.results == {"work": "again"}
