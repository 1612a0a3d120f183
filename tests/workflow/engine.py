"""Engine for the tests: calls of the store one after the other, and all that the database holds of tasks."""

import asyncio
import itertools
from contextlib import contextmanager
from datetime import timedelta

import msgspec
import psycopg

from messenger.workflow import store
from messenger.workflow.reader import task_of
from messenger.workflow.session import Session
from messenger.workflow.store import Completed, NewTask, Running
from messenger.workflow.template import Template

LEASE = timedelta(hours=1)  # so that leases run out when a test says so

_numbers = itertools.count(1)

# One statement, for the model looks after each action.
_ROWS = """
SELECT jsonb_build_object(
    'task', (SELECT jsonb_agg(task ORDER BY task_id) FROM task WHERE task_id = ANY (%(ids)s)),
    'step', (SELECT jsonb_agg(step ORDER BY task_id, number) FROM step WHERE task_id = ANY (%(ids)s)),
    'queue', (SELECT jsonb_agg(queue ORDER BY task_id, number) FROM queue WHERE task_id = ANY (%(ids)s)),
    'step_transition', (
        SELECT jsonb_agg(step_transition ORDER BY task_id, number, nth)
        FROM step_transition WHERE task_id = ANY (%(ids)s)
    ),
    'task_transition', (
        SELECT jsonb_agg(task_transition ORDER BY task_id, nth)
        FROM task_transition WHERE task_id = ANY (%(ids)s)
    ),
    'dead_letter', (
        SELECT jsonb_agg(dead_letter ORDER BY dead_letter_id) FROM dead_letter WHERE task_id = ANY (%(ids)s)
    )
)::text
"""


class Engine:
    """A database with the engine in it, and one session; every call is over when it returns."""

    def __init__(self, url, runner):
        self.url = url
        self._runner = runner
        self._session = Session(url)
        self.begin()
        self.connection = psycopg.connect(url, autocommit=True, options="-csearch_path=messenger_workflow")

    def close(self):
        self.connection.close()
        self.wait_for(self._session.close())

    def begin(self):
        """Work in a namespace of its own from now on, so that nothing is claimed that others left."""
        self.namespace = f"test-{next(_numbers)}"

    def wait_for(self, awaitable):
        async def wait():
            return await awaitable

        return self._runner.run(wait())

    def __getattr__(self, name):
        """Call the function *name* of the store."""
        function = getattr(store, name)
        return lambda *values, **options: self.wait_for(function(self._session, *values, **options))

    def task_by_id(self, task_id, *, results):
        [row] = self.tasks_by_id([(task_id, results)])
        return None if row is None else task_of(row, self.template_by_id(row.template_id))

    def task_results(self, task_id):
        return self.task_by_id(task_id, results=True).results

    def register(self, *steps, name=None, **others):
        """Register a template of *steps*, of a name of its own unless it is given; return its number."""
        name = name or f"template-{next(_numbers)}"
        others.setdefault("namespace", self.namespace)
        others.setdefault("version", "1")
        return self.register_template(Template(name=name, steps=steps, **others))

    def create(self, template_id, input="null", **others):
        """Create a task and return its number."""
        [(task_id, new)] = self.create_tasks([NewTask(template_id, input, **others)])
        assert new
        return task_id

    def new(self, *steps, **others):
        """Create a task of *steps*."""
        return self.create(self.register(*steps), **others)

    def claim(self, most=1, handlers=("work",), worker="tester", namespace=None, lease=LEASE):
        leases, refused = self.finish({}, most, handlers, worker, namespace, lease)
        assert not refused
        return leases

    def finish(
        self,
        results,
        most=0,
        handlers=("work",),
        worker="tester",
        namespace=None,
        lease=LEASE,
        *,
        claim=True,
    ):
        """Complete leases, a mapping to JSON text; return new leases, and what was refused."""
        names = [(namespace or self.namespace, handler) for handler in handlers]
        return self.complete_steps(
            [completed(lease, result) for lease, result in results.items()],
            most=most,
            claim=claim,
            handler_ids=[*self.handler_ids(names)] if names else [],
            lease=lease,
            worker=worker,
        )

    def complete(self, lease, result="null"):
        """Complete a lease, which is not to be refused."""
        assert self.finish({lease: result}) == ([], [])

    def fail(self, lease, message="no disk", delay_seconds=None):
        return self.fail_step(
            lease, {"type": "OSError", "message": message}, delay_seconds=delay_seconds, worker="tester"
        )

    def let_run_out(self, task_id, number):
        """Let a lease, or the time until the next attempt, be over."""
        self.execute(
            "UPDATE queue SET due_at = clock_timestamp() - interval '1 s' WHERE task_id = %s AND number = %s",
            task_id,
            number,
        )

    def execute(self, statement, *values):
        """Run a statement of the test's own, and return its rows."""
        cursor = self.connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []

    def set_time_zone(self, zone):
        """Let the store's session have this time zone."""

        async def set_zone():
            connection = await self._session.connect()
            await connection.execute("SELECT set_config('TimeZone', %s, false)", [zone])

        self.wait_for(set_zone())

    def rows(self, *task_ids):
        """Return the rows of each table about these tasks, as dictionaries."""
        [(found,)] = self.connection.execute(_ROWS, {"ids": [*task_ids]}).fetchall()
        return {table: rows or [] for table, rows in msgspec.json.decode(found).items()}

    def state(self, task_id):
        [task] = self.rows(task_id)["task"]
        return task["state"]

    def states(self, task_id):
        """Return the states of the steps by name; of clones, a list."""
        rows = self.execute(
            "SELECT name, cloned, array_agg(step.state::text ORDER BY number)"
            " FROM task JOIN template_step USING (template_id) JOIN step USING (task_id, position)"
            " WHERE task_id = %s GROUP BY name, cloned, position ORDER BY position",
            task_id,
        )
        return {name: states if cloned else states[0] for name, cloned, states in rows}


def completed(lease, result="null"):
    return Completed(lease.task_id, lease.number, lease.attempt, result, lease.template_id, lease.position)


def running(lease, checkpoint=None):
    return Running(lease.task_id, lease.number, lease.attempt, checkpoint)


@contextmanager
def opened(url):
    """An engine on the database at *url*."""
    with asyncio.Runner() as runner:
        engine = Engine(url, runner)
        try:
            yield engine
        finally:
            engine.close()
