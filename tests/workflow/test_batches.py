"""Batches in the database: a clone for each range, and what comes after all of them."""

import asyncio

from messenger.workflow import Context, CursorRange, Workflow, batch, step
from messenger.workflow.client import Client
from messenger.workflow.worker import Worker


@batch(worker="load", convergence="total")
async def split(context: Context):
    return [CursorRange(start, start + 10) for start in range(0, context.input, 10)]


@step(depends_on=[split])
async def load(context: Context):
    return sum(range(context.cursor_range.start, context.cursor_range.end))


@step(depends_on=[load])
async def total(context: Context):
    return sum(context.results.get("load", []))


WORKFLOW = Workflow("rows", version="1", steps=[split, load, total])


async def total_of(url, rows):
    """Let a worker run a batch of *rows* that looks for work only when it is told of some."""
    worker = Worker(url, [WORKFLOW], poll_seconds=600)
    async with asyncio.TaskGroup() as group, Client(url) as client:
        group.create_task(worker.run())
        task = await client.run(WORKFLOW, rows, timeout_seconds=30)
        worker.stop()
    return task.results["total"]


def test_workers_are_told_of_the_clones(database):
    """Else all but the first, which whoever made them goes on with, would wait until somebody looks."""
    assert asyncio.run(total_of(database, 100)) == sum(range(100))


def test_a_batch_of_nothing_goes_on_with_what_comes_after(database):
    """There is no clone then whose end could let it run."""
    assert asyncio.run(total_of(database, 0)) == 0
