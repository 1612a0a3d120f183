"""From the completion of a step to a listener in another process that hears of its children.

When its parts were done is what the engine itself writes down, by the hour. `record_us` until the parent is
complete, `discovery_us` until its children are found, `publish_us` until the last of them is written down and
in the queue, `commit_us` until the call returns, having counted steps and task and flushed the log, and
`after_return_us` from then until the listener woke: less than nothing where it did so first.
"""

from datetime import timedelta
from statistics import median
from time import time_ns

import psycopg
import pytest

from messenger.workflow import Step, Template, store
from messenger.workflow.doorbell import RUNNABLE
from messenger.workflow.session import Session

from .conftest import timed_sizes
from .figures import percentiles_us, promised
from .programs import program

ROUNDS = 200
TARGETS = {3: "600us", 10: "700us", 50: "1.2ms"}
_PARTS = """
    SELECT (extract(epoch FROM completed) * 1e9)::bigint, (extract(epoch FROM first) * 1e9)::bigint,
        (extract(epoch FROM last) * 1e9)::bigint, children
    FROM (
        SELECT min(at) FILTER (WHERE after = 'complete') AS completed,
            min(at) FILTER (WHERE number > 0) AS first, count(*) FILTER (WHERE number > 0) AS children
        FROM messenger_workflow.step_transition WHERE task_id = %(task)s
    ) AS written, (
        SELECT max(due_at) AS last FROM messenger_workflow.queue WHERE task_id = %(task)s
    ) AS queued
"""

# Processes wake each other: where the kernel puts them makes a difference between runs of the same code.
waking = pytest.mark.gate(min_effect="25%")


def pytest_generate_tests(metafunc):
    sizes = timed_sizes(metafunc.config, *TARGETS)
    marked = [pytest.param(size, marks=pytest.mark.target(p50=TARGETS[size])) for size in sizes]
    metafunc.parametrize("children", marked, ids=[f"{size}children" for size in sizes])


class Parents:
    """Tasks of one step whose children are enqueued when it is complete."""

    def __init__(self, runner, url, children):
        self._runner, self._session, self._url = runner, Session(url), url
        names = [f"child{number}" for number in range(children)]
        steps = [Step("parent", "parent"), *(Step(name, "child", depends_on=("parent",)) for name in names)]
        self._template = Template(f"parents-{children}", "1", tuple(steps), namespace=f"enqueue-{children}")
        self._run = runner.run
        self._template_id = self._run(store.register_template(self._session, self._template))
        known = self._run(store.handler_ids(self._session, [(self._template.namespace, "parent")]))
        self._handler_ids = list(known)

    def lease(self):
        """Create a task, and lease its first step."""
        self._run(store.create_tasks(self._session, [store.NewTask(self._template_id, "null")]))
        [lease] = self._run(self._complete([], most=1))
        return lease

    def complete(self, lease):
        """Return when it began, and when the call returned."""

        async def main():
            began_ns = time_ns()
            await self._complete(completed, most=0)
            return began_ns, time_ns()

        completed = [store.Completed(lease.task_id, lease.number, lease.attempt, "1", lease.template_id, 0)]
        return self._run(main())

    def cancel(self, lease):
        """Take the children off the queue, so that the next round finds it as this one did."""
        self._run(store.cancel_task(self._session, lease.task_id, "timed"))

    def close(self):
        self._run(self._session.close())

    async def _complete(self, completed, most):
        leases, refused = await store.complete_steps(
            self._session,
            completed,
            most=most,
            claim=not completed,
            handler_ids=self._handler_ids,
            lease=timedelta(seconds=30),
            worker="bench",
        )
        assert not refused
        return leases


@pytest.fixture
def parents(runner, database, children):
    parents = Parents(runner, database, children)
    yield parents
    parents.close()


@waking
def bench_enqueue(benchmark, durable, parents, database, children):
    """No worker takes any of them: what is timed ends where one would begin to claim."""
    benchmark.group = "enqueue children"
    leases, rounds = [], []

    with (
        psycopg.connect(database, autocommit=True) as connection,
        program("listener_process", "hour", database, RUNNABLE, "1") as listener,
    ):

        def setup():
            settle()
            leases.append(parents.lease())
            listener.stdout.readline()  # of the parent
            return (leases[-1],), {}

        def run(lease):
            began, returned = parents.complete(lease)
            rounds.append((began, returned, int(listener.stdout.readline())))

        def settle():
            if leases:
                rounds[-1] += connection.execute(_PARTS, {"task": leases[-1].task_id}).fetchone()
                parents.cancel(leases[-1])

        benchmark.pedantic(run, setup=setup, rounds=ROUNDS, warmup_rounds=20)
        settle()

    assert {each[-1] for each in rounds} == {children}
    total = [heard - began for began, _, heard, *_ in rounds]
    benchmark.extra_info |= percentiles_us(total, "heard_") | promised(total) | parts_us(rounds)


def parts_us(rounds):
    """Return the median of each part."""
    parts = [
        {
            "record_us": completed - began,
            "discovery_us": first - completed,
            "publish_us": last - first,
            "commit_us": returned - last,
            "after_return_us": heard - returned,
        }
        for began, returned, heard, completed, first, last, _ in rounds
    ]
    return {name: round(median(each[name] for each in parts) / 1e3, 1) for name in parts[0]}
