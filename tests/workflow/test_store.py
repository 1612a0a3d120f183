"""Store: each call against a real database, on its own."""

import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from messenger.workflow.session import Refused
from messenger.workflow.state import StepState, TaskState
from messenger.workflow.store import NewTask, TemplateChanged
from messenger.workflow.template import Retry, Step

from .engine import LEASE, completed, running
from .templates import step

ONCE = Retry(max_attempts=1)
WORK = step("work")


def keys(leases):
    return [(lease.task_id, lease.number) for lease in leases]


def dead_letters(engine, task_id):
    return engine.rows(task_id)["dead_letter"]


# Templates and tasks.


def test_a_template_is_registered_once(engine):
    assert engine.register(WORK, name="orders") == engine.register(WORK, name="orders")


def test_a_version_with_other_content_is_refused(engine):
    """Tasks of the first would be run as the second says."""
    engine.register(WORK, name="orders")

    with pytest.raises(TemplateChanged, match="orders 1 is registered with other content"):
        engine.register(WORK, step("more"), name="orders")


def test_a_template_comes_back_as_it_was(engine):
    number = engine.register(step("split", kind="batch", worker="load"), step("load", "split"), name="orders")

    found = engine.template_by_name(engine.namespace, "orders", None)

    assert found == (number, engine.template_by_id(number))
    assert [each.name for each in found[1].steps] == ["split", "load"]


def test_of_no_version_the_template_is_the_last_registered(engine):
    engine.register(WORK, name="orders", version="2")
    last = engine.register(WORK, name="orders", version="1")

    assert engine.template_by_name(engine.namespace, "orders", None)[0] == last


def test_a_key_is_taken_within_all_versions_of_a_template(engine):
    """A deployment creates nothing twice."""
    first = engine.create(engine.register(WORK, name="orders"), identity_key="7")
    second = engine.register(WORK, name="orders", version="2")
    other = engine.register(WORK, name="invoices")

    created = engine.create_tasks(
        [NewTask(second, "null", "7"), NewTask(other, "null", "7"), NewTask(second, "null", "8")]
    )

    assert created[0] == (first, False)
    assert [each.new for each in created] == [False, True, True]


def test_a_key_may_come_twice_in_one_call(engine):
    number = engine.register(WORK)

    one, other = engine.create_tasks([NewTask(number, "1", "same"), NewTask(number, "2", "same")])

    assert one.task_id == other.task_id
    assert [one.new, other.new].count(True) == 1
    assert keys(engine.claim(10)) == [(one.task_id, 0)]


@pytest.mark.parametrize("key", ["'); DROP TABLE task; --", "%s", "{}", '"', "\\", "'", "Ünï©ødé ‮", "$$"])
def test_text_from_outside_is_never_sql(engine, key):
    number = engine.register(WORK)
    task_id = engine.create(number, json.dumps({key: key}), identity_key=key)
    [lease] = engine.claim(worker=key)
    engine.fail(lease, message=key)

    engine.cancel_task(task_id, key)

    task = engine.task_by_id(task_id, results=False)
    assert (task.identity_key, task.input) == (key, {key: key})
    assert task.steps[0].error["message"] == key
    assert engine.rows(task_id)["step_transition"][-1]["reason"] == key


@pytest.mark.parametrize("text", ["nul \0", "half a pair \ud800"])
def test_text_that_postgresql_does_not_store_is_refused(engine, text):
    """And the session goes on."""
    task_id = engine.new(WORK)

    with pytest.raises(Refused):
        engine.cancel_task(task_id, text)

    assert engine.state(task_id) == "pending"


# Claiming.


def test_a_task_that_is_not_due_is_not_claimed(engine):
    number = engine.register(WORK)
    task_id = engine.create(number, due_at=datetime.now(UTC) + timedelta(hours=1))

    assert engine.claim() == []
    engine.let_run_out(task_id, 0)
    assert keys(engine.claim()) == [(task_id, 0)]


def test_a_higher_priority_is_claimed_first(engine):
    number = engine.register(WORK)
    low, high, usual = (engine.create(number, priority=priority) for priority in (-5, 5, 0))

    claimed = [engine.claim()[0].task_id for _ in range(3)]

    assert claimed == [high, usual, low]


def test_of_one_priority_the_oldest_is_claimed_first(engine):
    number = engine.register(WORK)
    created = [engine.create(number) for _ in range(3)]

    assert [engine.claim()[0].task_id for _ in range(3)] == created


def test_priority_goes_before_a_worker_s_order_of_handlers(engine):
    low = engine.new(step("work"), priority=-1)
    high = engine.create(engine.register(Step(name="b", handler="other")), priority=1)

    assert [lease.task_id for lease in engine.claim(1, ("work", "other"))] == [high]
    assert [lease.task_id for lease in engine.claim(1, ("work", "other"))] == [low]


def test_handlers_of_another_namespace_are_not_claimed(engine):
    """Another team's handler of that name does something else."""
    task_id = engine.new(WORK)
    engine.register(WORK, namespace=f"{engine.namespace}-other")

    assert engine.claim(namespace=f"{engine.namespace}-other") == []
    assert keys(engine.claim()) == [(task_id, 0)]


def test_a_step_whose_handler_is_not_here_stays_in_the_queue(engine):
    task_id = engine.new(step("work"), Step(name="b", handler="other"))

    assert len(engine.claim(10)) == 1
    assert engine.states(task_id)["b"] == "enqueued"


def test_who_completes_a_step_does_not_wait_for_another_task(engine):
    """Who has that one locked may wait for this one; what is left is told of, for it could be claimed."""
    number = engine.register(WORK)
    one, other = engine.create(number), engine.create(number)
    [lease] = engine.claim()
    engine.execute("LISTEN messenger_runnable")
    with psycopg.connect(engine.url, options="-cidle_in_transaction_session_timeout=5000") as holder:
        holder.execute("SELECT FROM messenger_workflow.task WHERE task_id = %s FOR NO KEY UPDATE", [other])

        assert engine.finish({lease: "1"}, most=2) == ([], [])

        found = [*engine.connection.notifies(timeout=5, stop_after=1)]
        engine.execute("UNLISTEN *")
        assert len(found) == 1
    assert engine.state(one) == "complete"
    assert keys(engine.claim()) == [(other, 0)]


def test_a_lease_is_not_claimed_again_until_it_runs_out(engine):
    task_id = engine.new(WORK)
    engine.claim()

    assert engine.claim() == []
    engine.let_run_out(task_id, 0)
    [again] = engine.claim(worker="other")

    assert again.attempt == 2
    assert [
        (row["after"], row["worker"], row["reason"]) for row in engine.rows(task_id)["step_transition"]
    ] == [
        ("enqueued", None, None),
        ("in_progress", "tester", None),
        ("enqueued", None, "its lease ran out"),
        ("in_progress", "other", None),
    ]


def test_a_lease_begins_with_its_claim_also_in_a_long_transaction(engine):
    """now() is when the transaction began, and a lease that began then may be over already."""
    task_id = engine.new(WORK)
    statement = "SELECT * FROM complete_steps('{}', '{}', '{}', '{}', 1, true, %s, interval '1 hour', 'w')"
    [handler] = engine.handler_ids([(engine.namespace, "work")])
    with engine.connection.transaction():
        [(began,)] = engine.execute("SELECT now()")
        engine.execute("SELECT pg_sleep(0.05)")
        engine.execute(statement, [handler])

    [(due,)] = engine.execute("SELECT due_at FROM queue WHERE task_id = %s", task_id)
    assert due - began > timedelta(hours=1, milliseconds=50)


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "<+14>-14", "UTC"])
def test_times_are_the_same_in_every_time_zone(engine, zone):
    """A database's default time zone is whatever somebody once set."""
    due = datetime(2031, 3, 1, 12, 30, tzinfo=UTC)
    number = engine.register(WORK)
    engine.set_time_zone(zone)

    task = engine.task_by_id(engine.create(number, due_at=due), results=False)
    engine.set_time_zone("UTC")

    assert task.due_at == due
    assert abs(datetime.now(UTC) - task.created_at) < timedelta(minutes=5)


# Completing and failing.


def test_a_result_is_recorded_once(engine):
    task_id = engine.new(WORK)
    [lease] = engine.claim()
    engine.complete(lease, '"first"')

    assert engine.finish({lease: '"second"'}) == ([], [(task_id, 0)])
    assert engine.task_results(task_id) == {"work": "first"}


def test_a_result_comes_late_but_not_too_late(engine):
    """A lease that ran out and that nobody took over is still good for a result."""
    task_id = engine.new(WORK)
    [lease] = engine.claim()
    engine.let_run_out(task_id, 0)

    engine.complete(lease)

    assert engine.state(task_id) == "complete"


def test_the_old_holder_of_a_step_is_refused(engine):
    task_id = engine.new(WORK)
    [old] = engine.claim()
    engine.let_run_out(task_id, 0)
    [new] = engine.claim()

    assert engine.finish({old: "1"}) == ([], [(task_id, 0)])
    assert engine.fail(old) is None
    assert engine.extend_leases([running(old, '"far"')], LEASE) == [(task_id, 0)]
    assert engine.rows(task_id)["step"][0]["checkpoint"] is None
    engine.complete(new)


def test_a_refused_result_does_not_keep_others_from_being_recorded(engine):
    number = engine.register(WORK)
    one, other = engine.create(number), engine.create(number)
    leases = engine.claim(2)
    engine.cancel_task(one, "")

    assert engine.finish(dict.fromkeys(leases, "1")) == ([], [(one, 0)])
    assert engine.state(other) == "complete"


def test_what_does_not_exist_is_refused(engine):
    lease = completed(engine_lease(engine))._replace(task_id=2**40)

    assert engine.complete_steps([lease], most=0, claim=False, handler_ids=[], lease=LEASE, worker="w") == (
        [],
        [(2**40, 0)],
    )
    assert engine.fail(lease) is None
    assert engine.cancel_task(2**40, "") is None
    assert engine.resolve_step(2**40, 0, "1", "") is None
    assert engine.retry_step(2**40, 0, "") is None
    assert engine.task_by_id(2**40, results=True) is None


def engine_lease(engine):
    engine.new(WORK)
    [lease] = engine.claim()
    return lease


def test_a_null_is_a_result(engine):
    """JSON's null, and not the lack of one."""
    task_id = engine.new(WORK, step("b", "work"))
    [lease] = engine.claim()

    [after], _ = engine.finish({lease: "null"}, most=1)

    assert json.loads(after.results) == {"work": None}
    assert engine.task_results(task_id) == {"work": None}


def test_children_are_leased_to_whoever_completed_their_parent(engine):
    """It saves them a way through the queue."""
    task_id = engine.new(step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c"))
    [a] = engine.claim()

    leases, _ = engine.finish({a: "1"}, most=2, claim=False)
    [d], _ = engine.finish(dict.fromkeys(leases, "2"), most=2)

    assert keys([*leases, d]) == [(task_id, 1), (task_id, 2), (task_id, 3)]
    assert json.loads(d.results) == {"b": 2, "c": 2}


def test_children_that_nobody_has_room_for_are_told_of(engine):
    engine.new(step("a"), step("b", "a"))
    [a] = engine.claim()
    engine.execute("LISTEN messenger_runnable")

    engine.complete(a)

    found = [*engine.connection.notifies(timeout=5, stop_after=1)]
    engine.execute("UNLISTEN *")
    assert len(found) == 1


def test_a_failed_attempt_waits_for_the_next(engine):
    task_id = engine.new(WORK)
    [lease] = engine.claim()

    assert engine.fail(lease, delay_seconds=1000) is True

    assert (engine.state(task_id), engine.claim()) == ("waiting", [])
    engine.let_run_out(task_id, 0)
    [again] = engine.claim()
    assert again.attempt == 2
    assert engine.state(task_id) == "in_progress"


def test_the_last_attempt_that_fails_is_an_error(engine):
    """However long whoever failed would wait."""
    task_id = engine.new(step("work", retry=Retry(max_attempts=2)))
    engine.fail(engine.claim()[0], delay_seconds=0)

    assert engine.fail(engine.claim()[0], delay_seconds=0) is False

    assert engine.state(task_id) == "error"


def test_failing_a_step_of_a_cancelled_task_is_refused(engine):
    task_id = engine.new(WORK)
    [lease] = engine.claim()
    engine.cancel_task(task_id, "")

    assert engine.fail(lease, delay_seconds=1) is None
    assert engine.fail(lease) is None
    assert dead_letters(engine, task_id) == []


def test_a_dead_letter_tells_what_the_step_was_given(engine):
    """All else may be gone when somebody looks."""
    task_id = engine.create(engine.register(step("a"), step("b", "a", retry=ONCE), name="orders"), '{"n": 7}')
    [a] = engine.claim()
    [b], _ = engine.finish({a: '"of a"'}, most=1)
    engine.extend_leases([running(b, '{"row": 3}')], LEASE)

    engine.fail(b, message="no disk")

    [letter] = dead_letters(engine, task_id)
    assert letter["reason"] == "OSError: no disk"
    assert letter["snapshot"] == {
        "namespace": engine.namespace,
        "workflow": "orders",
        "version": "1",
        "identity_key": None,
        "step": "b",
        "handler": "work",
        "attempt": 1,
        "input": {"n": 7},
        "results": {"a": "of a"},
        "cursor_range": None,
        "checkpoint": {"row": 3},
        "error": {"type": "OSError", "message": "no disk"},
    }


def test_a_dead_letter_that_is_too_deep_to_be_read_does_not_hide_the_others(engine):
    """How deep JSON may be is up to each Python: it may be written by another."""
    good, deep = engine.new(WORK), engine.new(WORK, input="[" * 3000 + "]" * 3000)
    for lease in engine.claim(2):
        engine.fail(lease)

    letters = engine.dead_letters(most=2, before=None, settled=False)

    found = {letter.task_id: letter for letter in letters}
    assert {*found} == {good, deep}
    assert found[deep].reason == "OSError: no disk"
    assert "input" in found[good].snapshot


# Leases that run out.


def test_a_step_that_kills_its_workers_is_given_up(engine):
    """Or it would kill one after the other for ever."""
    task_id = engine.new(step("work", retry=Retry(max_attempts=2)))
    for _ in range(2):
        engine.claim()
        engine.let_run_out(task_id, 0)

    assert engine.claim() == []

    assert engine.state(task_id) == "error"
    [letter] = dead_letters(engine, task_id)
    assert letter["reason"] == "LeaseRanOut: the worker of attempt 2, the last, was not heard of again"
    assert letter["snapshot"]["attempt"] == 2
    assert engine.rows(task_id)["queue"] == []


def test_a_step_with_one_attempt_is_given_up_at_once(engine):
    task_id = engine.new(step("work", retry=ONCE), step("b", "work"))
    engine.claim()
    engine.let_run_out(task_id, 0)

    assert engine.claim() == []

    assert engine.states(task_id) == {"work": "error", "b": "pending"}


def test_what_is_given_up_does_not_keep_others_from_being_claimed(engine):
    number = engine.register(step("work", retry=ONCE))
    poison, other = engine.create(number), engine.create(number)
    engine.claim()
    engine.let_run_out(poison, 0)

    assert keys(engine.claim(2)) == [(other, 0)]
    assert engine.state(poison) == "error"


def test_who_finds_but_a_step_to_give_up_is_told_that_there_may_be_more(engine):
    """It took the place of one that could have been claimed."""
    number = engine.register(step("work", retry=ONCE))
    poison, other = engine.create(number), engine.create(number)
    engine.claim()
    engine.execute("UPDATE queue SET due_at = due_at - interval '1 day' WHERE task_id = %s", poison)
    engine.execute("LISTEN messenger_runnable")

    assert engine.claim(1) == []

    found = [*engine.connection.notifies(timeout=5, stop_after=1)]
    engine.execute("UNLISTEN *")
    assert len(found) == 1
    assert keys(engine.claim(1)) == [(other, 0)]


def test_the_holder_of_a_step_that_was_given_up_is_refused(engine):
    task_id = engine.new(step("work", retry=ONCE))
    [lease] = engine.claim()
    engine.let_run_out(task_id, 0)
    engine.claim()

    assert engine.finish({lease: "1"}) == ([], [(task_id, 0)])
    assert engine.state(task_id) == "error"


def test_a_retry_gives_as_many_attempts_as_before(engine):
    task_id = engine.new(step("work", retry=Retry(max_attempts=2)))
    engine.fail(engine.claim()[0], delay_seconds=0)
    engine.fail(engine.claim()[0])

    assert engine.retry_step(task_id, 0, "mended") is StepState.ERROR

    assert engine.fail(engine.claim()[0], delay_seconds=0) is True
    [last] = engine.claim()
    assert last.attempt == 4
    assert engine.fail(last, delay_seconds=0) is False
    letters = dead_letters(engine, task_id)
    assert [letter["settled_at"] is None for letter in letters] == [False, True]


def test_a_retry_begins_where_the_last_attempt_had_got_to(engine):
    task_id = engine.new(step("work", retry=ONCE))
    [lease] = engine.claim()
    engine.extend_leases([running(lease, '{"row": 6}')], LEASE)
    engine.fail(lease)

    engine.retry_step(task_id, 0, "")

    assert json.loads(engine.claim()[0].checkpoint) == {"row": 6}


def test_only_a_step_in_error_is_mended(engine):
    task_id = engine.new(WORK)

    assert engine.retry_step(task_id, 0, "") is StepState.ENQUEUED
    assert engine.resolve_step(task_id, 0, "1", "") is StepState.ENQUEUED
    assert engine.states(task_id) == {"work": "enqueued"}


def test_a_resolved_step_lets_its_children_run(engine):
    task_id = engine.new(step("work", retry=ONCE), step("b", "work"))
    engine.fail(engine.claim()[0])

    assert engine.resolve_step(task_id, 0, '"by hand"', "the bank said so") is StepState.ERROR

    [b] = engine.claim()
    assert json.loads(b.results) == {"work": "by hand"}
    engine.complete(b)
    assert [row["after"] for row in engine.rows(task_id)["task_transition"]] == [
        "in_progress",
        "error",
        "in_progress",
        "complete",
    ]


# Extending leases.


def test_an_extended_lease_does_not_run_out(engine):
    task_id = engine.new(WORK)
    [lease] = engine.claim()
    engine.let_run_out(task_id, 0)

    assert engine.extend_leases([running(lease)], LEASE) == []

    assert engine.claim() == []


def test_only_the_leases_that_are_over_are_told(engine):
    number = engine.register(WORK)
    one, other = engine.create(number), engine.create(number)
    leases = engine.claim(2)
    engine.cancel_task(one, "")

    assert engine.extend_leases(map(running, leases), LEASE) == [(one, 0)]
    assert engine.rows(other)["queue"][0]["leased"] is True


def test_without_a_checkpoint_the_last_one_stays(engine):
    number = engine.register(WORK)
    task_ids = [engine.create(number) for _ in range(2)]
    one, other = engine.claim(2)
    engine.extend_leases([running(one, "1"), running(other, "2")], LEASE)

    engine.extend_leases([running(one), running(other, "3")], LEASE)

    assert [row["checkpoint"] for row in engine.rows(*task_ids)["step"]] == [1, 3]


def test_a_null_is_a_checkpoint(engine):
    """A handler that begins again from the start says so."""
    task_id = engine.new(WORK)
    [lease] = engine.claim()
    engine.extend_leases([running(lease, "1")], LEASE)

    engine.extend_leases([running(lease, "null")], LEASE)

    engine.let_run_out(task_id, 0)
    assert engine.claim()[0].checkpoint == "null"


def test_a_cancelled_step_whose_row_is_left_is_told_to_its_holder(engine):
    """Whoever cancels does not wait for a row that is locked, and a notification may be lost."""
    task_id = engine.new(WORK)
    [lease] = engine.claim()
    with psycopg.connect(engine.url) as other:
        other.execute("SELECT FROM messenger_workflow.queue WHERE task_id = %s FOR UPDATE", [task_id])
        engine.cancel_task(task_id, "")

    assert engine.rows(task_id)["queue"] != []
    assert engine.extend_leases([running(lease)], LEASE) == [(task_id, 0)]


def test_the_row_of_a_cancelled_step_vanishes_when_it_is_claimed(engine):
    task_id = engine.new(WORK)
    with psycopg.connect(engine.url) as other:
        other.execute("SELECT FROM messenger_workflow.queue WHERE task_id = %s FOR UPDATE", [task_id])
        engine.cancel_task(task_id, "")

    assert engine.claim() == []
    assert engine.rows(task_id)["queue"] == []
    assert engine.states(task_id) == {"work": "cancelled"}


# Cancelling.


@pytest.mark.parametrize("at", ["pending", "in_progress", "waiting", "error"])
def test_a_task_is_cancelled_wherever_it_stands(engine, at):
    task_id = engine.new(step("work"), step("b", "work"))
    if at != "pending":
        [lease] = engine.claim()
    if at in ("waiting", "error"):
        engine.fail(lease, delay_seconds=100 if at == "waiting" else None)

    assert engine.cancel_task(task_id, "no need") is TaskState(at)

    assert engine.state(task_id) == "cancelled"
    assert {*engine.states(task_id).values()} == {"cancelled"}
    assert engine.rows(task_id)["queue"] == []
    assert engine.rows(task_id)["task_transition"][-1]["reason"] == "no need"
    assert engine.claim(10) == []
    assert all(letter["settled_at"] for letter in dead_letters(engine, task_id))


def test_a_complete_task_is_not_cancelled(engine):
    task_id = engine.new(WORK)
    engine.complete(engine.claim()[0])

    assert engine.cancel_task(task_id, "") is TaskState.COMPLETE
    assert engine.state(task_id) == "complete"


def test_cancelling_twice_is_written_once(engine):
    task_id = engine.new(WORK)
    engine.cancel_task(task_id, "")

    assert engine.cancel_task(task_id, "") is TaskState.CANCELLED
    assert len(engine.rows(task_id)["task_transition"]) == 1
