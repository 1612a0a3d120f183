"""Store: what is done with tasks in the database, each as one call."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from .errors import WorkflowError
from .lease import Lease
from .session import Session
from .state import StepState, TaskState
from .task import DeadLetter, TaskHead
from .template import Step, Template, children

_LAST = 2**63 - 1
"""No number of a task or a dead letter comes after it."""


class TemplateChanged(WorkflowError):
    """A version of a template that is registered with other content."""


class TaskRow(NamedTuple):
    """A task as the database tells it, with JSON as text."""

    task_id: int
    template_id: int
    identity_key: str | None
    state: str
    priority: int
    due_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    input: str
    steps: str
    """For each step and state its position, state, number of clones, attempt, attempts and error."""
    results_bytes: int | None
    results: str | None
    """None when they were not asked for, or take more than 32 MiB."""


class NewTask(NamedTuple):
    """What a task is created from; *input* is JSON."""

    template_id: int
    input: str
    identity_key: str | None = None
    priority: int = 0
    due_at: datetime | None = None
    watched: bool = False
    """Whether somebody is to be told of its end."""


class Created(NamedTuple):
    """A task by its number, and whether it is new, or was created with its identity key before."""

    task_id: int
    new: bool


class Completed(NamedTuple):
    """An attempt that came to a *result*, which is JSON; sorts by task and number, as the database asks."""

    task_id: int
    number: int
    attempt: int
    result: str
    template_id: int
    position: int


class Running(NamedTuple):
    """An attempt whose lease is to be extended, and its new checkpoint, which is JSON."""

    task_id: int
    number: int
    attempt: int
    checkpoint: str | None = None


async def register_template(session: Session, template: Template) -> int:
    """Store *template*, unless it is stored, and return its number.

    Raises:
        TemplateChanged: its version has other content.
    """
    [(number,)] = await session.fetch(
        "register_template",
        (
            template.namespace,
            template.name,
            template.version,
            _json(template),
            _json(_rows_of(template)),
        ),
    )
    if number is None:
        raise TemplateChanged(
            f"template {template.namespace}/{template.name} {template.version} is registered with other "
            "content, and tasks rely on that; give this one another version"
        )
    return int(number)


async def handler_ids(session: Session, handlers: Iterable[tuple[str, str]]) -> dict[int, tuple[str, str]]:
    """Return the numbers of *handlers*, by namespace and name; templates that name them are registered."""
    namespaces, names = zip(*handlers, strict=True)
    rows = await session.fetch("handler_ids", (list(namespaces), list(names)))
    return {number: (namespace, name) for number, namespace, name in rows}


async def template_by_id(session: Session, template_id: int) -> Template:
    """Return a template that tasks were made from."""
    [(definition,)] = await session.fetch("template_by_id", (template_id,))
    return msgspec.json.decode(definition, type=Template)


async def create_tasks(session: Session, tasks: Sequence[NewTask]) -> list[Created]:
    """Create *tasks* in one transaction; return one each, in order.

    One whose identity key is taken, by whichever version of its template, is that task.
    """
    template_ids, inputs, keys, priorities, due, watched = zip(*tasks, strict=True)
    rows = await session.fetch(
        "create_tasks",
        (
            _array(template_ids),
            list(keys),
            list(inputs),
            _array(priorities),
            list(due),
            list(watched),
        ),
    )
    return [Created._make(row) for row in rows]


async def complete_steps(
    session: Session,
    completed: Iterable[Completed],
    *,
    most: int,
    claim: bool,
    handler_ids: Sequence[int],
    lease: timedelta,
    worker: str,
) -> tuple[list[Lease], list[tuple[int, int]]]:
    """Record results, each once, and lease up to *most* steps: children first, and if *claim*, others.

    Returns the leases, and the task and number of each item that was refused, for its lease was over.
    """
    items = sorted(completed)
    rows = await session.fetch(
        "complete_steps",
        (
            _array(item.task_id for item in items),
            _array(item.number for item in items),
            _array(item.attempt for item in items),
            [item.result for item in items],
            most,
            claim,
            _array(handler_ids),
            lease,
            worker,
        ),
    )
    leases = [Lease._make(row) for row in rows if row[2] is not None]
    return leases, [(row[0], row[1]) for row in rows if row[2] is None]


async def fail_step(
    session: Session, lease: Lease | Completed, error: Any, *, delay_seconds: float | None, worker: str
) -> bool | None:
    """End an attempt with *error*; without a delay there is no other one.

    Returns whether there will be one, or None when the lease was over.
    """
    delay = None if delay_seconds is None else timedelta(seconds=delay_seconds)
    [(again,)] = await session.fetch(
        "fail_step", (lease.task_id, lease.number, lease.attempt, _json(error), delay, worker)
    )
    return again  # type: ignore[no-any-return]


async def extend_leases(
    session: Session, running: Iterable[Running], lease: timedelta
) -> list[tuple[int, int]]:
    """Let leases end so long from now; return the task and number of those that were over already."""
    items = sorted(running)
    return await session.fetch(
        "extend_leases",
        (
            _array(item.task_id for item in items),
            _array(item.number for item in items),
            _array(item.attempt for item in items),
            [item.checkpoint for item in items],
            lease,
        ),
    )


async def tell_runnable(session: Session, handler_ids: Sequence[int]) -> None:
    """Let workers look for steps of these handlers."""
    await session.fetch("tell_runnable", (_array(handler_ids),))


async def cancel_task(session: Session, task_id: int, reason: str) -> TaskState | None:
    """Cancel a task, unless it is complete; return the state before, or None when there is no such task."""
    [(before,)] = await session.fetch("cancel_task", (task_id, reason))
    return None if before is None else TaskState(before)


async def numbers_of_step(session: Session, task_id: int, step: str) -> list[tuple[int, StepState]]:
    """Return the number and state of the step *step*, and of each of its clones."""
    rows = await session.fetch("numbers_of_step", (task_id, step))
    return [(number, StepState(state)) for number, state in rows]


async def resolve_step(
    session: Session, task_id: int, number: int, result: str, reason: str
) -> StepState | None:
    """Give a step in error its result, as JSON; return the state before, and do nothing if it is another."""
    [(before,)] = await session.fetch("resolve_step", (task_id, number, result, reason))
    return None if before is None else StepState(before)


async def retry_step(session: Session, task_id: int, number: int, reason: str) -> StepState | None:
    """Enqueue a step in error; return the state before, and do nothing if it is another."""
    [(before,)] = await session.fetch("retry_step", (task_id, number, reason))
    return None if before is None else StepState(before)


async def watch_tasks(session: Session, task_ids: Sequence[int]) -> None:
    """Let the end of each task be notified of, unless it has come."""
    await session.fetch("watch_tasks", (_array(task_ids),))


async def ended_tasks(session: Session, task_ids: Sequence[int]) -> list[int]:
    """Return which of the tasks are complete, in error or cancelled."""
    return [task_id for (task_id,) in await session.fetch("ended_tasks", (_array(task_ids),))]


async def tasks_by_id(session: Session, asked: Sequence[tuple[int, bool]]) -> list[TaskRow | None]:
    """Return how tasks stand, in order, with None for one that is not there; each with results or without."""
    rows = await session.fetch(
        "tasks_by_id", (_array(task_id for task_id, _ in asked), [results for _, results in asked])
    )
    found = {row[0]: TaskRow._make(row) for row in rows}
    return [found.get(task_id) for task_id, _ in asked]


async def tasks(
    session: Session, *, most: int, before: int | None, states: Iterable[TaskState]
) -> list[TaskHead]:
    """Return the latest tasks in one of *states*, see `Client.tasks`."""
    rows = await session.fetch("tasks", (_LAST if before is None else before, list(states), most))
    fields = TaskHead.__struct_fields__
    return [msgspec.convert(dict(zip(fields, row, strict=True)), TaskHead) for row in rows]


async def has_work(session: Session, handler_ids: Iterable[int]) -> bool:
    """Claim that a step of these handlers is due, runs, or waits to be tried again."""
    [(found,)] = await session.fetch("has_work", (_array(handler_ids),))
    return bool(found)


async def template_by_name(
    session: Session, namespace: str, name: str, version: str | None
) -> tuple[int, Template] | None:
    """Return a template and its number; of no version, the one that was registered last."""
    rows = await session.fetch("template_by_name", (namespace, name, version))
    return (rows[0][0], msgspec.json.decode(rows[0][1], type=Template)) if rows else None


async def dead_letters(session: Session, *, most: int, before: int | None, settled: bool) -> list[DeadLetter]:
    """Return dead letters, see `Client.dead_letters`."""
    rows = await session.fetch("dead_letters", (settled, _LAST if before is None else before, most))
    return [
        DeadLetter(
            dead_letter_id=number,
            task_id=task_id,
            step=step,
            at=at,
            reason=reason,
            snapshot=_snapshot(snapshot),
            settled_at=settled_at,
        )
        for number, task_id, step, at, reason, snapshot, settled_at in rows
    ]


def _snapshot(text: str) -> dict[str, Any]:
    try:
        snapshot: dict[str, Any] = msgspec.json.decode(text)
    except RecursionError as error:  # another Python may have written what is too deep for this one
        return {"unreadable": str(error)}
    return snapshot


def _rows_of(template: Template) -> list[dict[str, Any]]:
    """Return the steps as the database has them, which knows them by position."""
    position = {step.name: number for number, step in enumerate(template.steps)}
    below = children(template)
    cloned = {step.worker for step in template.steps}

    def positions(names: Iterable[str]) -> str:
        return _array(position[name] for name in names)

    def row(step: Step) -> dict[str, Any]:
        chosen = {*step.may_create, step.worker}
        return {
            "position": position[step.name],
            "name": step.name,
            "kind": step.kind,
            "handler": step.handler,
            "max_attempts": step.retry.max_attempts,
            "parents": positions(step.depends_on),
            "children": positions(below[step.name]),
            "releases": positions(name for name in below[step.name] if name not in chosen),
            "may_create": positions(step.may_create),
            "worker": None if step.worker is None else position[step.worker],
            "cloned": step.name in cloned,
        }

    return [row(step) for step in template.steps]


def _array(numbers: Iterable[int]) -> str:
    """Return *numbers* as PostgreSQL writes them: psycopg would pick a type for each list by its values."""
    return f"{{{','.join(map(str, numbers))}}}"


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
