"""The engine, against what is to hold of its rows whatever was done to them, and in whichever order."""

import itertools
import os
from collections import Counter

import msgspec
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from messenger.workflow.state import StepState, TaskState, is_settled, may_become, task_state
from messenger.workflow.store import NewTask

from .templates import workflows

S = StepState
ENDED = {S.COMPLETE, S.CANCELLED, S.RESOLVED_MANUALLY}
QUEUED = {S.ENQUEUED, S.IN_PROGRESS, S.WAITING_FOR_RETRY}
WORKERS = {"both": ("work", "other"), "one": ("work",)}
MOST_TASKS = 3
EXAMPLES = int(os.environ.get("MESSENGER_MODEL_EXAMPLES", "40"))
PHASES = [Phase.explicit, Phase.generate]  # a smaller example is worth no minutes of everybody's run
NUMBERS = itertools.count()


class Model(RuleBasedStateMachine):
    """Two workers, and people who cancel, resolve and retry; a lease is held until it is completed."""

    engine = None

    @initialize(template=workflows())
    def register(self, template):
        self.engine.begin()
        self.template = msgspec.structs.replace(
            template, name=f"model-{next(NUMBERS)}", namespace=self.engine.namespace
        )
        self.template_id = self.engine.register_template(self.template)
        self.task_ids = []
        self.leases = []
        """All that were ever given, for whoever holds an old one may still come with a result."""
        self.rows = self.engine.rows()
        self.create(1, 0, False)

    # What is done.

    @precondition(lambda self: len(self.task_ids) < MOST_TASKS)
    @rule(count=st.integers(1, 2), priority=st.integers(-1, 1), watched=st.booleans())
    def create(self, count, priority, watched):
        new = [NewTask(self.template_id, '{"of": 1}', priority=priority, watched=watched)] * count
        self.task_ids += [task_id for task_id, _ in self.engine.create_tasks(new)]
        self.look()

    @rule(worker=st.sampled_from([*WORKERS]), most=st.integers(1, 4))
    def claim(self, worker, most):
        due = [
            row
            for row in self.rows["queue"]
            if not row["leased"] and self.step_at(row)["state"] == "enqueued" and self.may(worker, row)
        ]

        letters = len(self.rows["dead_letter"])

        leases = self.take(self.engine.claim(most, WORKERS[worker], worker))

        # What is found to have no attempt left takes a place, and goes to error.
        buried = len(self.rows["dead_letter"]) - letters
        assert len(leases) + buried >= min(most, len(due))

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), most=st.integers(0, 3), claim=st.booleans(), worker=st.sampled_from([*WORKERS]))
    def complete(self, data, most, claim, worker):
        chosen = data.draw(st.lists(st.sampled_from(self.leases), min_size=1, max_size=4, unique=True))
        results = {lease: data.draw(self.results_of(lease)) for lease in chosen}
        held = {(lease.task_id, lease.number) for lease in chosen if self.is_held(lease)}

        leases, refused = self.engine.finish(
            results, most, handlers=WORKERS[worker], worker=worker, claim=claim
        )

        assert {*refused} == {(lease.task_id, lease.number) for lease in chosen} - held
        assert len(leases) <= most
        self.take(leases)
        for lease in chosen:
            if (lease.task_id, lease.number) in held and self.is_current(lease):
                step = self.step_of(lease)
                assert (step["state"], step["result"]) == ("complete", msgspec.json.decode(results[lease]))

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), delay=st.none() | st.sampled_from([0.0, 1000.0]))
    def fail(self, data, delay):
        lease = data.draw(st.sampled_from(self.leases))
        step = self.step_of(lease)
        again = delay is not None and lease.attempt < step["max_attempts"]

        assert self.engine.fail(lease, delay_seconds=delay) is (again if self.is_held(lease) else None)
        self.look()

    @precondition(lambda self: self.rows["queue"])
    @rule(data=st.data())
    def let_run_out(self, data):
        row = data.draw(st.sampled_from(self.rows["queue"]))
        self.engine.let_run_out(row["task_id"], row["number"])
        self.look()

    @precondition(lambda self: len(self.task_ids) > 1)
    @rule(data=st.data())
    def cancel(self, data):
        self.engine.cancel_task(data.draw(st.sampled_from(self.task_ids)), "no need")
        self.look()

    @rule(data=st.data(), resolve=st.booleans())
    def mend(self, data, resolve):
        failed = [step for step in self.rows["step"] if step["state"] == "error"]
        if not failed:
            return
        step = data.draw(st.sampled_from(failed))
        if resolve:
            result = data.draw(results_of(self.template.steps[step["position"]]))
            self.engine.resolve_step(step["task_id"], step["number"], result, "by hand")
        else:
            self.engine.retry_step(step["task_id"], step["number"], "mended")
        self.look()

    # What is to hold.

    @invariant()
    def rows_agree(self):
        if not hasattr(self, "rows"):
            return
        for task in self.rows["task"]:
            task_id = task["task_id"]
            of_task = {
                table: [row for row in rows if row["task_id"] == task_id] for table, rows in self.rows.items()
            }
            steps = {step["number"]: step for step in of_task["step"]}
            check_task(task, steps, of_task["task_transition"])
            check_steps(steps, of_task["step_transition"])
            check_graph(self.template, task, steps)
            check_queue(self.template, task, steps, of_task["queue"])
            check_dead_letters(steps, of_task)

    def teardown(self):
        """Let everything end: nothing may be left that nobody would ever run."""
        if not hasattr(self, "rows"):
            return
        for _ in range(1000):
            for row in self.rows["queue"]:
                if row["leased"] or self.step_at(row)["state"] == "waiting_for_retry":
                    self.engine.let_run_out(row["task_id"], row["number"])
            leases = self.take(self.engine.claim(50, WORKERS["both"], "both"))
            if not leases and not self.rows["queue"]:
                break
            results = {lease: '["all"]' if self.step(lease).kind == "decision" else "[]" for lease in leases}
            self.engine.finish(results, handlers=())
            self.look()
        self.rows_agree()
        assert all(is_settled(TaskState(task["state"])) for task in self.rows["task"])

    # How it is told.

    def look(self):
        self.rows = self.engine.rows(*self.task_ids)

    def take(self, leases):
        """Look at the new leases, and keep them."""
        self.look()
        known = {(lease.task_id, lease.number, lease.attempt) for lease in self.leases}
        for lease in leases:
            assert (lease.task_id, lease.number, lease.attempt) not in known
            known.add((lease.task_id, lease.number, lease.attempt))
            assert self.is_held(lease)
            step = self.step_of(lease)
            assert msgspec.json.decode(lease.input) == {"of": 1}
            given = None if lease.cursor_range is None else msgspec.json.decode(lease.cursor_range)
            assert given == step["cursor_range"]
            of_task = [other for other in self.rows["step"] if other["task_id"] == lease.task_id]
            assert msgspec.json.decode(lease.results) == context_of(self.template, step, of_task)
        self.leases += leases
        return leases

    def step(self, lease):
        return self.template.steps[lease.position]

    def step_at(self, row):
        key = row["task_id"], row["number"]
        return next(step for step in self.rows["step"] if (step["task_id"], step["number"]) == key)

    def step_of(self, lease):
        return self.step_at({"task_id": lease.task_id, "number": lease.number})

    def may(self, worker, row):
        return self.template.steps[self.step_at(row)["position"]].handler in WORKERS[worker]

    def is_current(self, lease):
        return self.step_of(lease)["attempt"] == lease.attempt

    def is_held(self, lease):
        return self.is_current(lease) and self.step_of(lease)["state"] == "in_progress"

    def results_of(self, lease):
        return results_of(self.step(lease))


def results_of(step):
    """Draw what *step* may come to."""
    match step.kind:
        case "decision":
            return st.lists(st.sampled_from(step.may_create), unique=True).map(as_json)
        case "batch":
            return st.integers(0, 4).map(lambda times: as_json([[at, at + 1] for at in range(times)]))
    return st.sampled_from(["null", "1", '"text"', "[]"])


def as_json(value):
    return msgspec.json.encode(value).decode()


def check_task(task, steps, transitions):
    states = [StepState(step["state"]) for step in steps.values()]
    expected = task_state(states, started=task["started"], cancelled=task["cancelled"])
    assert TaskState(task["state"]) is expected
    counted = Counter() if task["cancelled"] else Counter(states)
    assert task["runnable"] == counted[S.ENQUEUED] + counted[S.IN_PROGRESS]
    assert task["waiting"] == counted[S.WAITING_FOR_RETRY]
    assert task["failed"] == counted[S.ERROR]
    assert task["step_count"] == len(steps)
    assert (task["finished_at"] is not None) == is_settled(expected)
    check_chain(TaskState, task, transitions)


def check_steps(steps, transitions):
    for number, step in steps.items():
        own = [row for row in transitions if row["number"] == number]
        check_chain(StepState, step, own)
        begun = [row["attempt"] for row in own if row["after"] == "in_progress"]
        assert begun == [*range(1, step["attempt"] + 1)]
    assert {row["number"] for row in transitions} <= {*steps}


def check_chain(states, row, transitions):
    assert [each["nth"] for each in transitions] == [*range(1, row["transitions"] + 1)]
    at = states.PENDING
    for each in transitions:
        assert each["before"] == at
        assert may_become(at, states(each["after"]))
        at = states(each["after"])
    assert row["state"] == at


def check_graph(template, task, steps):
    """Hold a step to what its parents came to: it waits for them, was skipped, or may run."""
    instances = {}
    for step in steps.values():
        instances.setdefault(template.steps[step["position"]].name, []).append(step)
    deciding = {name: step.name for step in template.steps for name in step.may_create}
    batches = {step.worker: step.name for step in template.steps if step.worker}
    for name, same in instances.items():
        parents = template.step(name).depends_on
        above = [parent for each in parents for parent in instances[each]]
        waits_for = sum(parent["state"] not in ENDED for parent in above)
        skipped = above and all(is_skipped(parent, template, instances, batches) for parent in above)
        if name in deciding:
            [decision] = instances[deciding[name]]
            skipped = skipped or (decision["result"] is not None and name not in decision["result"])
        if name in batches:
            [batch] = instances[batches[name]]
            skipped = skipped or batch["result"] == []
            if batch["result"]:
                assert [step["cursor_range"] for step in same] == batch["result"]
        for step in same:
            if task["cancelled"]:
                assert step["state"] in ENDED
                continue
            if skipped:
                assert step["state"] == "cancelled"
            elif waits_for:
                assert (step["state"], step["waits_for"]) == ("pending", waits_for)
            else:
                assert step["state"] not in ("pending", "cancelled")
                assert step["waits_for"] == 0


def is_skipped(step, template, instances, batches):
    """Claim that *step* never runs, which is not so of the worker of a batch that came to no range."""
    name = template.steps[step["position"]].name
    if name in batches and instances[batches[name]][0]["result"] == []:
        return False
    return step["state"] == "cancelled"


def check_queue(template, task, steps, queue):
    assert {row["number"] for row in queue} == {
        number for number, step in steps.items() if step["state"] in QUEUED
    }
    for row in queue:
        step = steps[row["number"]]
        assert row["leased"] == (step["state"] == "in_progress")
        assert (row["attempt"], row["priority"]) == (step["attempt"], task["priority"])


def check_dead_letters(steps, rows):
    failures = Counter(row["number"] for row in rows["step_transition"] if row["after"] == "error")
    assert Counter(row["number"] for row in rows["dead_letter"]) == failures
    unsettled = Counter(row["number"] for row in rows["dead_letter"] if row["settled_at"] is None)
    assert unsettled == Counter(number for number, step in steps.items() if step["state"] == "error")


def context_of(template, step, of_task):
    """Return what the parents of *step* returned, by name; a clone has its range instead."""
    found = {}
    workers = {each.worker: each.name for each in template.steps if each.worker}
    if template.steps[step["position"]].name in workers:
        return found
    for name in template.steps[step["position"]].depends_on:
        same = [each for each in of_task if template.steps[each["position"]].name == name]
        results = [each["result"] for each in same if each["state"] in ("complete", "resolved_manually")]
        if name in workers:
            [batch] = [each for each in of_task if template.steps[each["position"]].name == workers[name]]
            if batch["state"] in ("complete", "resolved_manually"):
                found[name] = results
        elif results:
            found[name] = results[0]
    return found


def test_whatever_is_done_the_rows_agree(engine):
    """Counters, states, queue and history are written by a dozen functions, which must say the same."""
    run_state_machine_as_test(
        type("Model", (Model,), {"engine": engine}),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[*HealthCheck],
            database=None,
            phases=PHASES,
        ),
    )
