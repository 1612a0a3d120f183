"""Task picture: how a task stands, as text: the steps, and below them what went wrong."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ..state import StepState
from ..task import Task, TaskStep
from .columns import on_one_line
from .diagram import Drawn, Paint, format_diagram, format_summary
from .task_json import results_in_order

_FAILED = (StepState.ERROR, StepState.WAITING_FOR_RETRY, StepState.IN_PROGRESS, StepState.ENQUEUED)
"""In these, the error of the attempt before is what people want to know."""


def format_task(
    task: Task, *, width: int, ascii_only: bool = False, paint: Paint = lambda text, state: text
) -> list[str]:
    """Draw *task*: a sentence, its steps, and the errors in full; with its results, if it has them."""
    steps = [
        Drawn(step.name, template_step.depends_on, step.state, _note(step))
        for step, template_step in zip(task.steps, task.template.steps, strict=True)
    ]
    lines = [summary_of(task), *format_diagram(steps, width=width, ascii_only=ascii_only, paint=paint)]
    for step in task.steps:
        if step.error is not None and step.state in _FAILED:
            lines += ["", *_full_error(step.name, step.error)]
    if task.results is not None:
        lines += ["", "results:", *_indented(_pretty(results_in_order(task)))]
    return [line.encode("ascii", "backslashreplace").decode() for line in lines] if ascii_only else lines


def summary_of(task: Task) -> str:
    """Say in a sentence how *task* stands; clones count as the one step that they are."""
    name = task.workflow if task.namespace == "default" else f"{task.namespace}/{task.workflow}"
    return format_summary(
        f"task {task.task_id} {name} {task.version}", task.state, [step.state for step in task.steps]
    )


def _note(step: TaskStep) -> str:
    """Say how many clones are complete, which attempt it is, and why there was more than one."""
    notes = []
    if (clones := sum(step.states.values())) > 1:
        notes.append(f"{step.states.get(StepState.COMPLETE, 0):,} of {clones:,} ranges")
    failed = step.error is not None and step.state in _FAILED
    if step.attempt > 1 or failed:
        notes.append(f"attempt {step.attempt:,} of {step.max_attempts:,}")
    if failed and step.error is not None:
        notes.append(on_one_line(_first_line(step.error)))
    return "; ".join(notes)


def _first_line(error: Mapping[str, Any]) -> str:
    return f"{error.get('type', 'error')}: {str(error.get('message', '')).partition(chr(10))[0]}"


def _full_error(name: str, error: Mapping[str, Any]) -> Iterator[str]:
    yield f"{name}:"
    yield from _indented(f"{error.get('traceback', '')}{error.get('type')}: {error.get('message')}")


def _indented(text: str) -> list[str]:
    cleaned = "".join(each if each.isprintable() or each == "\n" else " " for each in text)
    return textwrap.indent(cleaned, "  ").splitlines()


def _pretty(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
