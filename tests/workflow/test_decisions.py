"""Decisions: what they choose runs, and the rest, with all that only it led to, never does."""

import json

import pytest

from .templates import step

# The judge chooses between two arms, of one or two steps each, which come together again.
JUDGE = step("judge", kind="decision", may_create=["ship", "refund"])
ARMS = (JUDGE, step("ship", "judge"), step("refund", "judge"), step("tell", "refund"))
DIAMOND = (*ARMS, step("close", "ship", "tell"))


def decide(engine, task_id, *chosen):
    """Complete the decision that is due."""
    [lease] = [lease for lease in engine.claim(10) if lease.task_id == task_id]
    engine.complete(lease, json.dumps(chosen))


def skipped(engine, task_id):
    return [name for name, state in engine.states(task_id).items() if state == "cancelled"]


@pytest.mark.parametrize(
    ("chosen", "left_out"),
    [(["ship"], ["refund", "tell"]), (["refund"], ["ship"]), (["ship", "refund"], [])],
)
def test_what_is_not_chosen_is_skipped_with_the_chain_below_it(engine, chosen, left_out):
    task_id = engine.new(*DIAMOND)

    decide(engine, task_id, *chosen)

    assert skipped(engine, task_id) == left_out


def test_the_convergence_waits_for_the_chosen_arm_alone(engine):
    task_id = engine.new(*DIAMOND)
    decide(engine, task_id, "ship")
    [ship] = engine.claim(10)

    [close], _ = engine.finish({ship: '"by sea"'}, most=1)

    assert json.loads(close.results) == {"ship": "by sea"}
    engine.complete(close)
    assert engine.state(task_id) == "complete"


def test_the_convergence_of_skipped_arms_is_skipped(engine):
    """A decision may choose nothing, and the task is complete then."""
    task_id = engine.new(*DIAMOND)

    decide(engine, task_id)

    assert skipped(engine, task_id) == ["ship", "refund", "tell", "close"]
    assert engine.state(task_id) == "complete"


def test_the_audit_says_why_a_step_was_skipped(engine):
    task_id = engine.new(*ARMS)

    decide(engine, task_id, "ship")

    rows = engine.rows(task_id)["step_transition"]
    assert {row["number"]: row["reason"] for row in rows if row["after"] == "cancelled"} == {
        2: "not chosen",
        3: "not chosen",
    }


def test_what_the_decision_does_not_decide_about_runs_regardless(engine):
    task_id = engine.new(*ARMS, step("log", "judge"))

    decide(engine, task_id)

    assert engine.states(task_id)["log"] == "enqueued"


def test_a_skipped_decision_skips_all_it_could_have_chosen(engine):
    task_id = engine.new(
        step("outer", kind="decision", may_create=["inner", "ship"]),
        step("ship", "outer"),
        step("inner", "outer", kind="decision", may_create=["refund", "replace"]),
        step("refund", "inner"),
        step("replace", "inner"),
        step("log", "inner"),
        step("close", "refund", "replace", "ship"),
    )

    decide(engine, task_id, "ship")

    assert skipped(engine, task_id) == ["inner", "refund", "replace", "log"]
    assert engine.states(task_id)["close"] == "pending"


def test_nested_decisions_lead_to_one_arm(engine):
    task_id = engine.new(
        step("outer", kind="decision", may_create=["inner", "ship"]),
        step("ship", "outer"),
        step("inner", "outer", kind="decision", may_create=["refund", "replace"]),
        step("refund", "inner"),
        step("replace", "inner"),
        step("close", "refund", "replace", "ship"),
    )
    decide(engine, task_id, "inner")

    decide(engine, task_id, "replace")

    assert skipped(engine, task_id) == ["ship", "refund"]
    decide(engine, task_id)  # replace
    assert engine.states(task_id)["close"] == "enqueued"


def test_a_chosen_step_waits_for_its_other_parents(engine):
    task_id = engine.new(JUDGE, step("pack"), step("ship", "judge", "pack"), step("refund", "judge"))
    [judge, pack] = sorted(engine.claim(2))

    engine.complete(judge, '["ship"]')

    assert engine.states(task_id)["ship"] == "pending"
    engine.complete(pack)
    assert engine.states(task_id)["ship"] == "enqueued"


def test_a_step_that_is_not_chosen_does_not_run_for_its_other_parents(engine):
    task_id = engine.new(JUDGE, step("pack"), step("ship", "judge", "pack"), step("refund", "judge"))
    [judge, pack] = sorted(engine.claim(2))

    engine.finish({judge: '["refund"]', pack: "null"})

    assert engine.states(task_id)["ship"] == "cancelled"


def test_a_chosen_and_a_skipped_parent_may_be_told_in_one_call(engine):
    """Two decisions about the parents of one step, whose counts are changed by both."""
    task_id = engine.new(
        step("one", kind="decision", may_create=["a"]),
        step("a", "one"),
        step("two", kind="decision", may_create=["b"]),
        step("b", "two"),
        step("close", "a", "b", "two"),
    )
    one, two = sorted(engine.claim(2))

    engine.finish({one: "[]", two: "[]"})

    assert engine.states(task_id)["close"] == "enqueued"


def test_a_skipped_batch_has_no_clones(engine):
    task_id = engine.new(
        step("judge", kind="decision", may_create=["split"]),
        step("split", "judge", kind="batch", worker="load", convergence="sum"),
        step("load", "split"),
        step("sum", "load"),
    )

    decide(engine, task_id)

    assert skipped(engine, task_id) == ["split", "sum"]
    assert engine.states(task_id)["load"] == ["cancelled"]
    assert engine.state(task_id) == "complete"


def test_a_convergence_beside_a_skipped_batch_lacks_its_results(engine):
    """It was not chosen; a batch that came to no range gives an empty list instead."""
    engine.new(
        step("judge", kind="decision", may_create=["split"]),
        step("split", "judge", kind="batch", worker="load", convergence="sum"),
        step("load", "split"),
        step("sum", "load", "judge"),
    )
    [judge] = engine.claim()

    [after], _ = engine.finish({judge: "[]"}, most=1)

    assert json.loads(after.results) == {"judge": []}


def test_a_decision_resolved_by_hand_chooses(engine):
    task_id = engine.new(*ARMS)
    [judge] = engine.claim()
    engine.fail(judge)

    engine.resolve_step(task_id, judge.number, '["refund"]', "the customer called")

    assert engine.states(task_id) == {
        "judge": "resolved_manually",
        "ship": "cancelled",
        "refund": "enqueued",
        "tell": "pending",
    }


def test_a_decision_that_fails_leaves_everything_open(engine):
    """It may be retried, and choose then."""
    task_id = engine.new(step("judge", kind="decision", may_create=["ship"]), step("ship", "judge"))
    [judge] = engine.claim()

    engine.fail(judge)

    assert engine.states(task_id) == {"judge": "error", "ship": "pending"}
    assert engine.state(task_id) == "error"
