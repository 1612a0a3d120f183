"""Task: what one run of a workflow has come to."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from .state import StepState, TaskState, is_settled
from .template import Template

# A group of clones is where the one stands that most needs to be known of.
_FOREMOST = (
    StepState.ERROR,
    StepState.IN_PROGRESS,
    StepState.WAITING_FOR_RETRY,
    StepState.ENQUEUED,
    StepState.PENDING,
    StepState.CANCELLED,
    StepState.RESOLVED_MANUALLY,
    StepState.COMPLETE,
)


class TaskStep(Struct, frozen=True):
    """A step of a task; the clones of a batch's worker are one."""

    name: str
    states: Mapping[StepState, int]
    """How many stand where; all but clones are one."""
    attempt: int
    """The latest one, of the clone that needed most; 0 before the first."""
    max_attempts: int
    error: Mapping[str, Any] | None = None
    """Of the last attempt that failed: type, message and traceback."""

    @property
    def state(self) -> StepState:
        """Return where it stands; of clones, error before all else, and complete when all are."""
        return next(state for state in _FOREMOST if state in self.states)


class Task(Struct, frozen=True, kw_only=True):
    """A task as it stood when it was asked for."""

    task_id: int
    namespace: str
    workflow: str
    version: str
    identity_key: str | None
    state: TaskState
    priority: int
    due_at: datetime | None
    """When it may begin at the earliest."""
    created_at: datetime
    finished_at: datetime | None
    input: Any
    template: Template
    steps: tuple[TaskStep, ...]
    """In the template's order."""
    results: Mapping[str, Any] | None = None
    """What its steps returned, by name; a list for clones. None unless asked for."""

    @property
    def ended(self) -> bool:
        """Whether no worker does more about it; in error, a person may."""
        return is_settled(self.state)


class TaskHead(Struct, frozen=True, kw_only=True):
    """What a list of tasks says of one; the words are those of `Task`."""

    task_id: int
    namespace: str
    workflow: str
    version: str
    identity_key: str | None
    state: TaskState
    priority: int
    due_at: datetime | None
    created_at: datetime
    finished_at: datetime | None


class DeadLetter(Struct, frozen=True, kw_only=True):
    """A step that failed for good, with what is needed to understand it."""

    dead_letter_id: int
    task_id: int
    step: str
    at: datetime
    reason: str
    snapshot: Mapping[str, Any]
    """Workflow, version, handler, attempt, input, results it was given, range, checkpoint and error."""
    settled_at: datetime | None
    """When someone resolved it, let it try again, or cancelled its task."""
