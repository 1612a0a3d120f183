"""Batches: clones of a worker, one for each range, and what comes after them."""

import json

import pytest

from messenger.workflow.reader import ResultsTooLarge
from messenger.workflow.template import Retry

from .engine import LEASE, running
from .templates import step

RANGES = '[{"start": 0, "end": 5}, {"start": 5, "end": 8}, {"start": 8, "end": 9}]'
ONCE = Retry(max_attempts=1)


def batch(name="split", worker="load", convergence=None, **others):
    return step(name, kind="batch", worker=worker, convergence=convergence, **others)


def converging(**worker):
    return batch(convergence="sum"), step("load", "split", **worker), step("sum", "load")


def test_each_range_has_a_clone(engine):
    task_id = engine.new(*converging())
    [split] = engine.claim()

    engine.complete(split, RANGES)

    clones = engine.claim(10)
    assert [json.loads(clone.cursor_range)["start"] for clone in sorted(clones)] == [0, 5, 8]
    assert engine.states(task_id) == {"split": "complete", "load": ["in_progress"] * 3, "sum": "pending"}


def test_results_come_in_the_order_of_the_ranges(engine):
    """Clones end in any order, and a person who reads the sum compares it with the ranges."""
    engine.new(*converging())
    [split] = engine.claim()
    engine.complete(split, RANGES)
    clones = sorted(engine.claim(10))

    engine.complete(clones[2], '"third"')
    engine.complete(clones[0], '"first"')
    [after], _ = engine.finish({clones[1]: '"second"'}, most=1)

    assert json.loads(after.results) == {"load": ["first", "second", "third"]}


def test_one_range_is_run_by_the_worker_itself(engine):
    task_id = engine.new(*converging())
    [split] = engine.claim()

    [load], _ = engine.finish({split: '[{"start": 1, "end": 2}]'}, most=1)
    [after], _ = engine.finish({load: "3"}, most=1)

    assert json.loads(after.results) == {"load": [3]}
    assert engine.states(task_id)["load"] == ["complete"]


def test_after_no_ranges_comes_the_convergence_with_an_empty_list(engine):
    """A day without orders has a sum too, and a handler that sums a list finds one."""
    task_id = engine.new(*converging())
    [split] = engine.claim()

    [after], _ = engine.finish({split: "[]"}, most=1)

    assert json.loads(after.results) == {"load": []}
    engine.complete(after)
    assert engine.state(task_id) == "complete"
    assert engine.task_results(task_id) == {"split": [], "load": [], "sum": None}


def test_a_batch_without_convergence_ends_with_its_clones(engine):
    task_id = engine.new(batch(), step("load", "split"))
    [split] = engine.claim()
    engine.complete(split, RANGES)

    engine.finish(dict.fromkeys(engine.claim(10), "1"))

    assert engine.state(task_id) == "complete"
    assert engine.task_results(task_id)["load"] == [1, 1, 1]


def test_a_batch_without_convergence_and_ranges_ends_at_once(engine):
    task_id = engine.new(batch(), step("load", "split"))
    [split] = engine.claim()

    engine.complete(split, "[]")

    assert engine.state(task_id) == "complete"


def test_two_batches_may_end_in_one_call(engine):
    """The clones of both are numbered from where the task's steps end."""
    task_id = engine.new(
        batch("one", "a"), step("a", "one"), batch("two", "b", "after"), step("b", "two"), step("after", "b")
    )
    batches = engine.claim(2)

    engine.finish(dict.fromkeys(batches, RANGES))

    assert engine.states(task_id) == {
        "one": "complete",
        "a": ["enqueued"] * 3,
        "two": "complete",
        "b": ["enqueued"] * 3,
        "after": "pending",
    }


def test_a_batch_resolved_by_hand_takes_its_task_out_of_error(engine):
    """The audit of the task is a chain: what was in error went somewhere."""
    task_id = engine.new(*converging())
    [split] = engine.claim()
    engine.fail(split)

    engine.resolve_step(task_id, split.number, RANGES, "counted by hand")

    rows = engine.rows(task_id)
    assert [row["after"] for row in rows["task_transition"]] == ["in_progress", "error", "in_progress"]
    assert rows["task"][0]["runnable"] == 3


def test_clones_are_told_of_though_the_first_is_leased_at_once(engine):
    """Whoever completed the batch may have no room for more, and other workers would find them by polling."""
    engine.new(*converging())
    [split] = engine.claim()
    engine.execute("LISTEN messenger_runnable")

    leases, _ = engine.finish({split: RANGES}, most=1, claim=False)

    assert len(leases) == 1
    found = [*engine.connection.notifies(timeout=5, stop_after=1)]
    engine.execute("UNLISTEN *")
    assert len(found) == 1


def test_a_clone_that_fails_holds_up_the_convergence(engine):
    """A sum of what was loaded is none."""
    task_id = engine.new(*converging(retry=ONCE))
    [split] = engine.claim()
    engine.complete(split, RANGES)
    first, *others = engine.claim(10)

    engine.fail(first)
    engine.finish(dict.fromkeys(others, "1"))

    assert engine.states(task_id)["sum"] == "pending"
    assert engine.state(task_id) == "error"


def test_a_clone_that_is_resolved_counts(engine):
    task_id = engine.new(*converging(retry=ONCE))
    [split] = engine.claim()
    engine.complete(split, RANGES)
    first, *others = sorted(engine.claim(10))
    engine.finish(dict.fromkeys(others, "1"))
    engine.fail(first)

    engine.resolve_step(task_id, first.number, "7", "by hand")

    [after] = engine.claim()
    assert json.loads(after.results) == {"load": [7, 1, 1]}


def test_a_clone_begins_where_the_attempt_before_had_got_to(engine):
    """A checkpoint is of one clone, as its range is."""
    engine.new(*converging())
    [split] = engine.claim()
    engine.complete(split, RANGES)
    clone = sorted(engine.claim(10))[1]
    engine.extend_leases([running(clone, '{"row": 6}')], LEASE)

    engine.fail(clone, delay_seconds=0)
    [again] = engine.claim()

    assert (again.number, again.attempt) == (clone.number, 2)
    assert again.cursor_range == clone.cursor_range
    assert json.loads(again.checkpoint) == {"row": 6}


def test_ten_thousand_ranges_are_ten_thousand_clones(engine):
    task_id = engine.new(*converging())
    [split] = engine.claim()

    engine.complete(split, json.dumps([{"start": at, "end": at + 1} for at in range(10_000)]))

    [(count, last)] = engine.execute(
        "SELECT count(*), max(cursor_range ->> 'start') FILTER (WHERE number = 10001) FROM step"
        " WHERE task_id = %s AND position = 1",
        task_id,
    )
    assert (count, last) == (10_000, "9999")
    assert engine.rows(task_id)["step"][2]["waits_for"] == 10_000


def with_large_results(engine, clones):
    """A task whose clones returned a mebibyte each, of which PostgreSQL could make next to nothing."""
    task_id = engine.new(*converging())
    [split] = engine.claim()
    engine.complete(split, json.dumps([{"start": at, "end": at + 1} for at in range(clones)]))
    leases = engine.claim(clones)
    engine.finish(dict.fromkeys(leases[1:], "1"))
    engine.execute(
        "UPDATE step SET result = to_jsonb(repeat('x', 1048576)) WHERE task_id = %s AND result = '1'", task_id
    )
    return task_id, leases[0]


def test_results_that_are_too_large_together_are_not_handed_over(engine):
    """They may be compressed on disk, but not in the memory of who is given them."""
    task_id, last = with_large_results(engine, 40)

    [after], _ = engine.finish({last: "1"}, most=1)

    assert after.results is None
    assert after.results_bytes > 39 << 20
    with pytest.raises(ResultsTooLarge, match=r"take 40,\d{3},\d{3} bytes"):
        engine.task_results(task_id)


def test_results_that_no_value_of_postgresql_could_hold_are_refused_as_well(engine):
    """A list of 256 MiB is an error, and whoever claims the step could claim nothing any more."""
    _, last = with_large_results(engine, 300)

    [after], _ = engine.finish({last: "1"}, most=1)

    assert after.results is None
