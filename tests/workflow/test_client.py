"""Client: creates tasks once, and waits for their end as long as it takes and no longer."""

import asyncio
from datetime import UTC, datetime

import pytest

from messenger.workflow import BadInput, BadResult, NotJson, Retry, Step, step
from messenger.workflow.client import BadTask, Client, UnknownTask, WrongState
from messenger.workflow.session import Disconnected
from messenger.workflow.state import StepState, TaskState
from messenger.workflow.store import TemplateChanged

from .attempts import on_a_loop
from .cutter import cutter
from .working import SOON, execute, run, served, workflow, working

ONCE = Retry(max_attempts=1)


@step(name="work", handler="work", retry=ONCE)
async def echo(context):
    if context.input == "fail":
        raise OSError("no disk")
    return context.input


# Waiting.


@on_a_loop
async def test_waiting_begins_before_or_after_the_end(shared_database):
    orders = workflow(echo)
    async with Client(shared_database, poll_seconds=600) as client:
        created = await client.create(orders, 1)
        before = asyncio.create_task(client.wait(created.task_id, SOON))
        async with working(shared_database, orders):
            first = await before
        after = await client.wait(created.task_id, SOON)

    assert (first.state, first.results) == (after.state, after.results) == (TaskState.COMPLETE, {"work": 1})


@on_a_loop
async def test_many_wait_at_several_clients(shared_database):
    """Each is told of the end, by notification alone."""
    orders = workflow(echo)
    async with (
        Client(shared_database, poll_seconds=600) as one,
        Client(shared_database, poll_seconds=600) as two,
    ):
        created = [await one.create(orders, number) for number in range(30)]
        waits = [
            asyncio.create_task(client.wait(each.task_id, SOON))
            for client in (one, two, one)
            for each in created
        ]
        async with working(shared_database, orders):
            tasks = await asyncio.gather(*waits)

    assert [task.results["work"] for task in tasks] == [*range(30)] * 3


@on_a_loop
async def test_running_many_at_once_returns_each_its_own(shared_database):
    orders = workflow(echo)
    async with served(shared_database, orders) as client:
        tasks = await asyncio.gather(*(run(client, orders, number) for number in range(100)))

    assert [task.results["work"] for task in tasks] == [*range(100)]


@on_a_loop
async def test_the_end_of_a_task_that_nobody_does_is_not_waited_for_for_ever(shared_database):
    orders = workflow(echo)
    async with Client(shared_database) as client:
        created = await client.create(orders)
        with pytest.raises(TimeoutError):
            await client.wait(created.task_id, 0.05)
        with pytest.raises(TimeoutError):
            await client.run(orders, timeout_seconds=0.05)

        assert (await client.task(created.task_id)).state is TaskState.PENDING


@pytest.mark.parametrize("task_id", [2**40, -1, 0, 2**63, -(2**70)])
@on_a_loop
async def test_a_task_that_is_none_is_not_waited_for(shared_database, task_id):
    async with Client(shared_database) as client:
        for call in (client.wait, client.task, client.cancel):
            with pytest.raises(UnknownTask, match=f"there is no task {task_id}"):
                await call(task_id)


@on_a_loop
async def test_a_task_that_failed_before_is_waited_for_again_after_its_retry(shared_database):
    """What was heard of the first end is not taken for the second."""
    orders = workflow(echo)
    async with Client(shared_database, poll_seconds=0.2) as client, Client(shared_database) as other:
        created = await client.create(orders, "fail")
        async with working(shared_database, orders):
            await other.wait(created.task_id, SOON)
            await client.wait(created.task_id, SOON)

        await client.retry(created.task_id, "work")
        with pytest.raises(TimeoutError):
            await client.wait(created.task_id, 0.2)
        with pytest.raises(TimeoutError):
            await other.wait(created.task_id, 0.2)


async def failed(client, url, orders):
    """Make a task whose only step is in error."""
    async with working(url, orders):
        task = await run(client, orders, "fail")
    assert task.state is TaskState.ERROR
    return task.task_id


@on_a_loop
async def test_a_notification_nobody_waited_for_is_not_taken_for_a_later_end(shared_database):
    """Each client hears of the tasks that others wait for."""
    orders = workflow(echo)
    async with Client(shared_database, poll_seconds=600) as client, Client(shared_database) as other:
        await client.wait(await failed(client, shared_database, orders), SOON)  # it listens
        task_id = await failed(other, shared_database, orders)
        await failed(client, shared_database, orders)  # what came before has been heard by now
        await other.retry(task_id, "work")

        with pytest.raises(TimeoutError):
            await client.wait(task_id, 0.2)


# Creating.


@on_a_loop
async def test_running_with_a_key_that_is_taken_waits_for_the_first_task(shared_database):
    orders = workflow(echo)
    async with served(shared_database, orders) as client:
        first, second = await asyncio.gather(
            run(client, orders, 1, identity_key="order-7"), run(client, orders, 2, identity_key="order-7")
        )
        third = await run(client, orders, 3, identity_key="order-7")

    assert first.task_id == second.task_id == third.task_id
    assert first.results == second.results == third.results


@pytest.mark.parametrize(
    "options",
    [
        {"identity_key": ""},
        {"identity_key": "x" * 501},
        {"identity_key": "nul \0"},
        {"identity_key": "half a pair \ud800"},
        {"priority": 32_768},
        {"priority": 1.5},
        {"due_at": datetime(2031, 1, 1)},
    ],
    ids=repr,
)
@on_a_loop
async def test_a_task_that_cannot_be_created_is_refused_before_it_is_sent(shared_database, options):
    async with Client(shared_database) as client:
        with pytest.raises(BadTask):
            await client.create(workflow(echo), **options)


@on_a_loop
async def test_the_longest_key_of_the_widest_characters_fits(shared_database):
    orders, key = workflow(echo), "\N{GRINNING FACE}" * 500
    async with Client(shared_database) as client:
        first = await client.create(orders, identity_key=key)

        assert (await client.create(orders, identity_key=key)).task_id == first.task_id


@on_a_loop
async def test_an_input_that_the_schema_does_not_allow_is_refused(shared_database):
    orders = workflow(echo, input_schema={"type": "object", "required": ["items"]})
    async with Client(shared_database) as client:
        with pytest.raises(BadInput, match="items"):
            await client.create(orders, {})
        with pytest.raises(NotJson):
            await client.create(orders, {"items": float("nan")})

        assert (await client.create(orders, {"items": 1})).new


@on_a_loop
async def test_one_bad_task_does_not_spoil_those_created_with_it(shared_database):
    """They are created in one transaction when they come at once."""
    orders = workflow(echo)
    async with Client(shared_database, connections=1) as client:
        inputs = [*range(10), "deep", *range(10)]
        results = await asyncio.gather(
            *(client.create(orders, nested(900) if each == "deep" else each) for each in inputs),
            return_exceptions=True,
        )

    assert [getattr(each, "new", False) for each in results].count(True) >= 20


def nested(depth):
    value = 0
    for _ in range(depth):
        value = [value]
    return value


@on_a_loop
async def test_a_connection_that_is_lost_while_it_creates_is_told(shared_database, place):
    """Whether the task was created is not known, and with a key it does no harm to try again."""
    orders, armed = workflow(echo), []
    async with (
        cutter(shared_database, place, lambda data: armed and armed.pop()) as url,
        Client(url, connections=1) as client,
    ):
        await client.create(orders, identity_key="first")
        armed.append(True)
        with pytest.raises(Disconnected):
            await client.create(orders, identity_key="second")

        assert (await client.create(orders, identity_key="second")).new


@on_a_loop
async def test_a_version_with_other_content_is_refused(shared_database):
    orders = workflow(echo)
    changed = workflow(echo, Step(name="more", handler="more"), namespace=orders.template.namespace)
    async with Client(shared_database) as client:
        await client.create(orders)
        with pytest.raises(TemplateChanged):
            await client.create(changed)


# Mending.


@on_a_loop
async def test_a_failed_step_is_resolved_and_its_task_goes_on(shared_database):
    orders = workflow(echo, Step(name="after", handler="after", depends_on=("work",)))
    async with Client(shared_database) as client:
        task_id = await failed(client, shared_database, orders)
        [letter] = await letters_of(client, task_id)
        await client.resolve(task_id, "work", {"by": "hand"}, "the bank said so")

        task = await client.task(task_id, results=True)
        assert [each.state for each in task.steps] == [StepState.RESOLVED_MANUALLY, StepState.ENQUEUED]
        assert task.results == {"work": {"by": "hand"}}
        assert letter.reason == "OSError: no disk"
        assert await letters_of(client, task_id) == []


async def letters_of(client, task_id):
    return [letter for letter in await client.dead_letters(most=1000) if letter.task_id == task_id]


@on_a_loop
async def test_what_cannot_be_mended_is_said(shared_database):
    orders = workflow(echo)
    async with Client(shared_database) as client:
        created = await client.create(orders)
        for call in (client.retry, lambda *where: client.resolve(*where, 1)):
            with pytest.raises(WrongState, match="is enqueued; only one in error can be mended"):
                await call(created.task_id, "work")
            with pytest.raises(UnknownTask):
                await call(created.task_id, "play")
            with pytest.raises(UnknownTask):
                await call(2**40, "work")
        task_id = await failed(client, shared_database, orders)
        with pytest.raises(BadResult):
            await client.resolve(task_id, "work", object())


@on_a_loop
async def test_a_complete_task_is_not_cancelled(shared_database):
    orders = workflow(echo)
    async with served(shared_database, orders) as client:
        task = await run(client, orders)

        with pytest.raises(WrongState, match="is complete"):
            await client.cancel(task.task_id)


@on_a_loop
async def test_who_waits_is_told_that_the_task_was_cancelled(shared_database):
    orders = workflow(echo)
    async with Client(shared_database, poll_seconds=600) as client:
        created = await client.create(orders)
        waiting = asyncio.create_task(client.wait(created.task_id, SOON))
        async with asyncio.timeout(SOON):
            while not execute(
                shared_database, "SELECT 1 FROM task WHERE task_id = %s AND watched", created.task_id
            ):
                await asyncio.sleep(0.01)
        await client.cancel(created.task_id, "'); DROP TABLE task; --")

        assert (await waiting).state is TaskState.CANCELLED


@on_a_loop
async def test_times_have_a_time_zone(shared_database):
    async with Client(shared_database) as client:
        due = datetime(2031, 1, 1, tzinfo=UTC)
        created = await client.create(workflow(echo), due_at=due)

        task = await client.task(created.task_id)

    assert task.due_at == due
    assert task.created_at.tzinfo is not None
