"""State: where a step or a task stands, and where it may go from there."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType


class StepState(StrEnum):
    """Where a step stands; the values are what the database holds."""

    PENDING = "pending"
    """It waits for its parents."""
    ENQUEUED = "enqueued"
    """A worker may claim it."""
    IN_PROGRESS = "in_progress"
    """A worker has leased it."""
    WAITING_FOR_RETRY = "waiting_for_retry"
    """An attempt failed, and the next one is due later."""
    COMPLETE = "complete"
    ERROR = "error"
    """It failed for good, until someone resolves it or lets it try again."""
    CANCELLED = "cancelled"
    """Its task was cancelled, or a decision did not choose it."""
    RESOLVED_MANUALLY = "resolved_manually"
    """It failed, and someone gave its result by hand."""


class TaskState(StrEnum):
    """Where a task stands; the values are what the database holds."""

    PENDING = "pending"
    """No worker has claimed a step yet."""
    IN_PROGRESS = "in_progress"
    WAITING = "waiting"
    """Nothing runs or could: what is left waits for the time of its next attempt."""
    COMPLETE = "complete"
    ERROR = "error"
    CANCELLED = "cancelled"


_S, _T = StepState, TaskState

STEP_TRANSITIONS: Mapping[StepState, frozenset[StepState]] = MappingProxyType(
    {
        _S.PENDING: frozenset({_S.ENQUEUED, _S.CANCELLED}),
        _S.ENQUEUED: frozenset({_S.IN_PROGRESS, _S.CANCELLED}),
        # Back to enqueued when the lease ran out: whoever held it may be dead, and the attempt counts.
        _S.IN_PROGRESS: frozenset(
            {_S.COMPLETE, _S.ERROR, _S.WAITING_FOR_RETRY, _S.ENQUEUED, _S.CANCELLED},
        ),
        _S.WAITING_FOR_RETRY: frozenset({_S.ENQUEUED, _S.CANCELLED}),
        # Enqueued: someone has mended what was wrong, and lets it try again.
        _S.ERROR: frozenset({_S.RESOLVED_MANUALLY, _S.ENQUEUED, _S.CANCELLED}),
        _S.COMPLETE: frozenset(),
        _S.CANCELLED: frozenset(),
        _S.RESOLVED_MANUALLY: frozenset(),
    }
)

TASK_TRANSITIONS: Mapping[TaskState, frozenset[TaskState]] = MappingProxyType(
    {
        _T.PENDING: frozenset({_T.IN_PROGRESS, _T.CANCELLED}),
        _T.IN_PROGRESS: frozenset({_T.WAITING, _T.COMPLETE, _T.ERROR, _T.CANCELLED}),
        _T.WAITING: frozenset({_T.IN_PROGRESS, _T.CANCELLED}),
        # A step that is resolved or tried again gives its task another chance; cancelling gives it up.
        _T.ERROR: frozenset({_T.IN_PROGRESS, _T.WAITING, _T.COMPLETE, _T.CANCELLED}),
        _T.COMPLETE: frozenset(),
        _T.CANCELLED: frozenset(),
    }
)

_NOT_STARTED = {_S.PENDING, _S.ENQUEUED}
_RUNNABLE = {_S.ENQUEUED, _S.IN_PROGRESS}


def may_become(before: StepState | TaskState, after: StepState | TaskState) -> bool:
    """Claim that a step, or a task, may go from *before* to *after*.

    >>> may_become(StepState.ERROR, StepState.RESOLVED_MANUALLY)
    True
    >>> may_become(StepState.COMPLETE, StepState.IN_PROGRESS)
    False
    """
    if isinstance(before, StepState):
        return isinstance(after, StepState) and after in STEP_TRANSITIONS[before]
    return isinstance(after, TaskState) and after in TASK_TRANSITIONS[before]


def is_terminal(state: StepState | TaskState) -> bool:
    """Claim that nothing follows *state*. An error is not terminal: a person may still resolve it."""
    return not (STEP_TRANSITIONS[state] if isinstance(state, StepState) else TASK_TRANSITIONS[state])


def is_settled(state: StepState | TaskState) -> bool:
    """Claim that no worker does more about it: it is terminal, or in error until a person steps in."""
    return state in (StepState.ERROR, TaskState.ERROR) or is_terminal(state)


def task_state(steps: Iterable[StepState], *, started: bool, cancelled: bool = False) -> TaskState:
    """Return the state of a task whose steps stand at *steps*.

    *started* says that a worker has ever claimed one of them: after its lease ran out the states alone look
    as if none had. *cancelled* says that someone called the task off: steps that a decision did not choose
    are cancelled as well, and their task completes. A task with a failed step first ends what does not
    depend on it, and is in error then.

    >>> task_state([StepState.COMPLETE, StepState.CANCELLED], started=True).value
    'complete'
    """
    states = set(steps)
    if not states:
        raise ValueError("a task has at least one step, and this one none; create it from a template")
    if cancelled:
        return TaskState.CANCELLED
    if not started and states <= _NOT_STARTED:
        return TaskState.PENDING
    if states & _RUNNABLE:
        return TaskState.IN_PROGRESS
    if StepState.WAITING_FOR_RETRY in states:
        return TaskState.WAITING
    if StepState.ERROR in states:
        return TaskState.ERROR
    return TaskState.IN_PROGRESS if StepState.PENDING in states else TaskState.COMPLETE
