"""Where steps and tasks may go."""

from itertools import combinations_with_replacement, product

import pytest

from messenger.workflow.state import (
    STEP_TRANSITIONS,
    TASK_TRANSITIONS,
    StepState,
    TaskState,
    is_settled,
    is_terminal,
    may_become,
    task_state,
)

S, T = StepState, TaskState

# As a whole, so that a change of the rules is a change that a review sees.
STEPS = """
pending            -> enqueued cancelled
enqueued           -> in_progress cancelled
in_progress        -> enqueued waiting_for_retry complete error cancelled
waiting_for_retry  -> enqueued cancelled
complete           ->
error              -> enqueued cancelled resolved_manually
cancelled          ->
resolved_manually  ->
"""
TASKS = """
pending      -> in_progress cancelled
in_progress  -> waiting complete error cancelled
waiting      -> in_progress cancelled
complete     ->
error        -> in_progress waiting complete cancelled
cancelled    ->
"""


def pairs(table):
    for line in table.strip().splitlines():
        before, after = line.split("->")
        yield from ((before.strip(), one) for one in after.split())


@pytest.mark.parametrize(("states", "table"), [(StepState, STEPS), (TaskState, TASKS)])
def test_every_pair_is_allowed_or_not_as_the_table_says(states, table):
    """The database's constraints are written from the same table."""
    allowed = {(one.value, other.value) for one, other in product(states, states) if may_become(one, other)}

    assert allowed == {*pairs(table)}


@pytest.mark.parametrize("transitions", [STEP_TRANSITIONS, TASK_TRANSITIONS])
def test_every_state_has_its_transitions_and_none_to_itself(transitions):
    """A transition is written once to the audit table."""
    states = type(next(iter(transitions)))

    assert {*transitions} == {*states}
    assert all(state not in after for state, after in transitions.items())


def test_a_step_never_becomes_a_task():
    """Both have a state called complete."""
    assert not any(may_become(one, other) for one, other in product(StepState, TaskState))
    assert not any(may_become(other, one) for one, other in product(StepState, TaskState))


def test_what_is_terminal_stays():
    assert [state for state in StepState if is_terminal(state)] == [
        S.COMPLETE,
        S.CANCELLED,
        S.RESOLVED_MANUALLY,
    ]
    assert [state for state in TaskState if is_terminal(state)] == [T.COMPLETE, T.CANCELLED]


def test_an_error_is_settled_and_not_terminal():
    """Who waits for a task is told; who mends it may still resolve it."""
    assert is_settled(T.ERROR)
    assert not is_terminal(T.ERROR)
    assert not is_settled(T.WAITING)


@pytest.mark.parametrize(
    ("steps", "started", "state"),
    [
        ([S.PENDING, S.ENQUEUED], False, T.PENDING),
        ([S.PENDING, S.ENQUEUED], True, T.IN_PROGRESS),
        ([S.IN_PROGRESS, S.ERROR], True, T.IN_PROGRESS),
        ([S.WAITING_FOR_RETRY, S.ENQUEUED], True, T.IN_PROGRESS),
        ([S.WAITING_FOR_RETRY, S.PENDING, S.ERROR], True, T.WAITING),
        ([S.ERROR, S.PENDING, S.COMPLETE], True, T.ERROR),
        ([S.COMPLETE, S.PENDING], True, T.IN_PROGRESS),
        ([S.COMPLETE, S.RESOLVED_MANUALLY, S.CANCELLED], True, T.COMPLETE),
    ],
)
def test_a_task_stands_where_its_steps_do(steps, started, state):
    assert task_state(steps, started=started) == state
    assert task_state(steps, started=started, cancelled=True) == T.CANCELLED


def moves():
    """Every step of three that may move, without the task being cancelled: states before, after."""
    for states in combinations_with_replacement(StepState, 3):
        for at, before in enumerate(states):
            for after in STEP_TRANSITIONS[before]:
                # Only a decision cancels a step by itself, and it is complete by then.
                if after == S.CANCELLED and (before != S.PENDING or S.COMPLETE not in states):
                    continue
                yield states, (*states[:at], after, *states[at + 1 :])


def test_a_step_that_moves_as_it_may_moves_its_task_as_that_may():
    """The two tables must not contradict each other, or the database refuses a worker's honest result."""
    for before, after in moves():
        for started in {any(state not in (S.PENDING, S.ENQUEUED) for state in before), True}:
            one = task_state(before, started=started)
            other = task_state(after, started=started or S.IN_PROGRESS in after)

            assert one == other or may_become(one, other), (before, after)


def test_a_task_without_steps_has_no_state():
    with pytest.raises(ValueError, match="at least one step"):
        task_state([], started=False)
