"""Shapes: the JSON that comes and goes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from ..state import StepState, TaskState
from ..task import DeadLetter, Task, TaskStep
from ..template import Name

Key = Annotated[
    str, Meta(min_length=1, max_length=500, description="text of 1 to 500 characters, or no such field")
]
Priority = Annotated[
    int, Meta(ge=-32768, le=32767, description="a whole number from -32,768 to 32,767; the higher goes first")
]
Moment = Annotated[
    datetime,
    Meta(tz=True, description="a time with its zone, such as 2030-01-31T12:00:00Z, or no such field"),
]
Reason = Annotated[str, Meta(max_length=1000, description="text of at most 1,000 characters")]
Value = Annotated[Any, Meta(description="any JSON")]


class Creation(Struct, frozen=True, forbid_unknown_fields=True):
    """What a task is created with."""

    input: Value = None
    identity_key: Key | None = None
    """A second task with it is the first one."""
    priority: Priority = 0
    due_at: Moment | None = None
    """When it may begin at the earliest."""
    version: Name | None = None
    """Of the template; the last one that was registered, unless it is given."""


class Cancellation(Struct, frozen=True, forbid_unknown_fields=True):
    """Why a task is called off."""

    reason: Reason = ""


class Resolution(Struct, frozen=True, forbid_unknown_fields=True):
    """The result of a step in error, given by hand."""

    result: Value
    reason: Reason = ""


class Repetition(Struct, frozen=True, forbid_unknown_fields=True):
    """Why a step in error may try again."""

    reason: Reason = ""


class StepBody(Struct, frozen=True):
    """A step of a task; the clones of a batch's worker are one, and counted in *states*."""

    name: str
    state: StepState
    states: Mapping[StepState, int]
    attempt: int
    max_attempts: int
    error: Mapping[str, Any] | None


class TaskBody(Struct, frozen=True, kw_only=True):
    """A task as it stands; *results* where its end was waited for, null before that, or when too large."""

    task_id: int
    namespace: str
    workflow: str
    version: str
    identity_key: str | None
    state: TaskState
    ended: bool
    """Whether no worker does more about it; in error, a person may."""
    priority: int
    due_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    input: Any
    steps: tuple[StepBody, ...]
    results: Mapping[str, Any] | UnsetType | None = UNSET


class CreatedBody(Struct, frozen=True):
    """The number of a task, and whether it is *new* or was created with its identity key before."""

    task_id: int
    new: bool
    task: TaskBody | UnsetType = UNSET
    """Where its end was waited for."""


class ResultsBody(Struct, frozen=True):
    """What the steps of a task have returned, by name; of a batch's worker a list."""

    task_id: int
    state: TaskState
    results: Mapping[str, Any]


class RegisteredBody(Struct, frozen=True):
    """A template that is stored."""

    namespace: str
    name: str
    version: str


class DeadLettersBody(Struct, frozen=True):
    """Steps that failed for good, the latest first; `?before=` the last of them has those before."""

    dead_letters: list[DeadLetter]


class DoneBody(Struct, frozen=True):
    """It was done."""

    task_id: int


class HealthBody(Struct, frozen=True):
    """All is well."""

    ok: bool = True


def task_body(task: Task, *, waited: bool = False) -> TaskBody:
    """Return *task* as clients see it: without its template, which is had by its name and version."""
    plain = {
        name: getattr(task, name) for name in TaskBody.__struct_fields__ if name not in ("steps", "results")
    }
    return TaskBody(
        **plain,
        steps=tuple(map(_step_body, task.steps)),
        results=task.results if waited else UNSET,
    )


def _step_body(step: TaskStep) -> StepBody:
    return StepBody(state=step.state, **msgspec.structs.asdict(step))
