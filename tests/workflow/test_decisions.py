"""Decisions in the database: what was chosen runs, and what was not is skipped."""

import asyncio
from datetime import timedelta

import pytest

from messenger.workflow import Context, Workflow, decision, step, store
from messenger.workflow.session import Session


@step
async def start(context: Context):
    return None


@decision(may_create=["left", "right"], depends_on=[start])
async def choose(context: Context):
    return context.input


@step(depends_on=[choose])
async def left(context: Context):
    return None


@step(depends_on=[choose])
async def right(context: Context):
    return None


@step(depends_on=[left, right])
async def join(context: Context):
    return None


WORKFLOW = Workflow("judged", version="1", steps=[start, choose, left, right, join])


async def ran(url, chosen):
    """Run a task by hand, with *chosen* as the decision's result; return what was leased, in order."""
    names = [each.name for each in WORKFLOW.template.steps]
    async with Session(url) as session:
        template = await store.register_template(session, WORKFLOW.template)
        handlers = await store.handler_ids(session, [("default", name) for name in names])
        await store.create_tasks(session, [store.NewTask(template, "null")])
        completed, leased = [], []
        while True:
            leases, _ = await store.complete_steps(
                session,
                completed,
                most=10,
                claim=not leased,
                handler_ids=list(handlers),
                lease=timedelta(seconds=30),
                worker="test",
            )
            if not leases:
                return leased
            leased += [names[lease.position] for lease in leases]
            completed = [
                store.Completed(
                    lease.task_id,
                    lease.number,
                    lease.attempt,
                    chosen if names[lease.position] == "choose" else "null",
                    lease.template_id,
                    lease.position,
                )
                for lease in leases
            ]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ('["left"]', ["start", "choose", "left", "join"]),
        ('["left", "right"]', ["start", "choose", "left", "right", "join"]),
        ("[]", ["start", "choose"]),
    ],
)
def test_what_a_decision_chose_runs_and_nothing_else(database, chosen, expected):
    """A task that ends while a chosen step has not begun would be called complete, and be a lie."""
    assert asyncio.run(ran(database, chosen)) == expected
