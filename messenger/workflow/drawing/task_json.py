"""Task JSON: how a task stands, for programs."""

from typing import Any

import msgspec

from ..task import Task


def task_json(task: Task) -> dict[str, Any]:
    """Return what JSON says of *task*; results only if it has them, and the template by its name alone."""
    said: dict[str, Any] = msgspec.to_builtins(task)
    del said["template"]
    del said["results"]
    if task.results is not None:
        said["results"] = results_in_order(task)
    said["steps"] = [
        {"state": step.state.value, "depends_on": template_step.depends_on, **as_data}
        for step, template_step, as_data in zip(task.steps, task.template.steps, said["steps"], strict=True)
    ]
    return said


def results_in_order(task: Task) -> dict[str, Any]:
    """Return the results in the template's order, which the database does not keep."""
    found = task.results or {}
    return {step.name: found[step.name] for step in task.steps if step.name in found}
