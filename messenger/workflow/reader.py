"""Reader: reads how tasks stand; those that are asked for while it is busy, together."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec

from . import store
from .errors import WorkflowError
from .session import Session
from .state import StepState, TaskState
from .store import TaskRow
from .task import Task, TaskStep
from .template import Template
from .together import Together

_Group = tuple[int, StepState, int, int, int, dict[str, Any] | None]

_decode_groups = msgspec.json.Decoder(list[_Group]).decode


class ResultsTooLarge(WorkflowError):
    """The results of a task take more room than one answer has."""


class Reader:
    """Reads tasks over the sessions that *take* gives, and each template once."""

    def __init__(self, take: Callable[[], AbstractAsyncContextManager[Session]]) -> None:
        self._take = take
        self._rows: Together[tuple[int, bool], TaskRow | None] = Together(take, store.tasks_by_id)
        self._templates: dict[int, Template] = {}

    async def task(self, task_id: int, *, results: bool) -> Task | None:
        """Return the task, or None when there is none.

        Raises:
            ResultsTooLarge: its *results* were asked for, and take more than 32 MiB.
        """
        row = await self._rows.ask((task_id, results))
        if row is None:
            return None
        if row.template_id not in self._templates:
            async with self._take() as session:
                self._templates[row.template_id] = await store.template_by_id(session, row.template_id)
        return task_of(row, self._templates[row.template_id])


def task_of(row: TaskRow, template: Template) -> Task:
    """Make a task of *row*; the template is the one that it names."""
    if row.results is None and row.results_bytes is not None:
        raise ResultsTooLarge(
            f"the results of task {row.task_id} take {row.results_bytes:,} bytes, more than can be put "
            "together; store large ones elsewhere, and return where to find them"
        )
    return Task(
        task_id=row.task_id,
        namespace=template.namespace,
        workflow=template.name,
        version=template.version,
        identity_key=row.identity_key,
        state=TaskState(row.state),
        priority=row.priority,
        due_at=row.due_at,
        created_at=row.created_at,
        finished_at=row.finished_at,
        input=msgspec.json.decode(row.input),
        template=template,
        steps=_steps_of(_decode_groups(row.steps), template),
        results=None if row.results is None else msgspec.json.decode(row.results),
    )


def _steps_of(groups: list[_Group], template: Template) -> tuple[TaskStep, ...]:
    of_position: dict[int, list[_Group]] = {}
    for group in groups:
        of_position.setdefault(group[0], []).append(group)
    return tuple(
        TaskStep(
            name=template.steps[position].name,
            states={state: times for _, state, times, *_ in found},
            attempt=max(attempt for _, _, _, attempt, *_ in found),
            max_attempts=max(most for *_, most, _ in found),
            error=next((error for *_, error in found if error is not None), None),
        )
        for position, found in sorted(of_position.items())
    )
