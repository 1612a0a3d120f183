"""What an operator asks of steps, in SQL: what one waits for, what it depends on, and what comes next."""

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from messenger.workflow import Step, Template, store
from messenger.workflow.session import Session

TEMPLATE = Template(
    "questions",
    "1",
    (
        Step("a", "first"),
        Step("b", "first"),
        Step("c", "then", depends_on=("a",)),
        Step("d", "then", depends_on=("c", "b")),
        Step("e", "then", depends_on=("d", "a")),
    ),
)
BATCH = Template(
    "ranges",
    "1",
    (
        Step("split", "first", kind="batch", worker="load", convergence="total"),
        Step("load", "then", depends_on=("split",)),
        Step("total", "then", depends_on=("load",)),
    ),
)
RANGES = '[{"start":0,"end":1},{"start":1,"end":2}]'


@pytest.fixture
def ask(database):
    """Ask a function of ours; return its rows."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("SET search_path = messenger_workflow")
        yield lambda question: connection.execute(f"SELECT {question}").fetchall()


def stored(url, template, completed=(), **options):
    """Store a task, and complete so many leases of its steps, each with a result."""

    async def main():
        async with Session(url) as session:
            template_id = await store.register_template(session, template)
            known = await store.handler_ids(session, [("default", "first"), ("default", "then")])
            [task] = await store.create_tasks(session, [store.NewTask(template_id, "null", **options)])
            for result in completed:
                settings = {"handler_ids": list(known), "lease": timedelta(hours=1), "worker": "test"}
                leases, _ = await store.complete_steps(session, [], most=1, claim=True, **settings)
                done = [store.Completed(*lease[:2], lease.attempt, result, *lease[2:4]) for lease in leases]
                await store.complete_steps(session, done, most=0, claim=False, **settings)
            return task.task_id

    return asyncio.run(main())


def test_a_step_waits_for_those_of_its_parents_that_have_not_ended(database, ask):
    task = stored(database, TEMPLATE, ["1"])  # of a

    of_each = f"generate_series(0, 4) AS number, step_readiness({task}, number) ORDER BY number"
    assert ask(f"number, waits_for, ready FROM {of_each}") == [
        (0, [], False),
        (1, [], True),
        (2, [], True),
        (3, ["b", "c"], False),
        (4, ["d"], False),
    ]


def test_a_step_after_a_batch_waits_for_it_until_the_last_clone_has_ended(database, ask):
    one_left = stored(database, BATCH, [RANGES, "1"])

    assert ask(f"waits_for FROM step_readiness({one_left}, 2)") == [(["load"],)]


def test_a_step_waits_for_no_clones_that_have_ended(database, ask):
    all_ended = stored(database, BATCH, [RANGES, "1", "2"])

    assert ask(f"waits_for, ready FROM step_readiness({all_ended}, 2)") == [([], True)]


def test_a_step_that_is_due_later_is_not_ready(database, ask):
    """What an operator sees then is a time, not a mystery."""
    due = datetime.now(UTC) + timedelta(hours=1)
    task = stored(database, TEMPLATE, due_at=due)

    assert ask(f"ready, waits_for, due_at FROM step_readiness({task}, 0)") == [(False, [], due)]


def test_dependencies_come_with_the_fewest_steps_between(database, ask):
    """There are two ways from e to a, of one step and of three."""
    task = stored(database, TEMPLATE, ["1"])

    assert ask(f"step, depth, state::text FROM step_dependencies({task}, 4)") == [
        ("a", 1, "complete"),
        ("d", 1, "pending"),
        ("b", 2, "enqueued"),
        ("c", 2, "enqueued"),
    ]


def test_each_clone_is_a_dependency(database, ask):
    task = stored(database, BATCH, [RANGES, "1"])

    assert ask(f"step, depth, number FROM step_dependencies({task}, 2)") == [
        ("load", 1, 1),
        ("load", 1, 3),
        ("split", 2, 0),
    ]


def test_a_first_step_depends_on_nothing(database, ask):
    task = stored(database, TEMPLATE)

    assert ask(f"step FROM step_dependencies({task}, 0)") == []


def test_the_steps_that_are_claimed_next_come_by_priority(database, ask):
    """As claiming has it, across the handlers."""
    low = stored(database, TEMPLATE)
    high = stored(database, TEMPLATE, priority=1)
    stored(database, TEMPLATE, priority=2, due_at=datetime.now(UTC) + timedelta(hours=1))

    assert ask("task_id, step FROM next_ready_steps('default', 3)") == [(high, "a"), (high, "b"), (low, "a")]


def test_another_namespace_has_other_steps(database, ask):
    stored(database, TEMPLATE)

    assert ask("step FROM next_ready_steps('other', 3)") == []
