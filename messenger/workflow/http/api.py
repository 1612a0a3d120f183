"""API: every route that there is."""

from typing import Any

from .. import template
from . import dead_letters, monitoring, open_api, steps, tasks, templates
from .route import Route, Routes
from .shapes import (
    Cancellation,
    CreatedBody,
    Creation,
    DeadLettersBody,
    DoneBody,
    HealthBody,
    RegisteredBody,
    Repetition,
    Resolution,
    ResultsBody,
    TaskBody,
)

_WORKFLOW = "/v1/workflows/{namespace}/{name}"
_TASK = "/v1/tasks/{task_id}"
_STEP = f"{_TASK}/steps/{{step}}"

_WAIT = {
    "wait": {
        "type": "string",
        "pattern": r"^[0-9]{1,9}(\.[0-9]{1,9})?(ms|s)$",
        "description": "How long to wait for the end of the task, such as 2s or 500ms; at most 60s.",
        "examples": ["2s", "500ms"],
    }
}
_NUMBER = {"type": "integer", "minimum": 1}
_DEAD_LETTERS: dict[str, Any] = {
    "limit": {**_NUMBER, "maximum": dead_letters.MOST, "default": dead_letters.MOST},
    "before": {**_NUMBER, "description": "The number of a dead letter: those before it."},
    "settled": {"type": "boolean", "default": False, "description": "With those that were seen to."},
}

ROUTES = Routes(
    [
        Route(
            method="POST",
            path=f"{_WORKFLOW}/tasks",
            handler=tasks.create_task,
            summary="Create a task",
            body=Creation,
            query=_WAIT,
            headers=["Idempotency-Key"],
            answers={201: CreatedBody, 200: CreatedBody, 202: CreatedBody},
            errors=[400, 404, 408, 413, 415, 422],
        ),
        Route(
            method="PUT",
            path=_WORKFLOW,
            handler=templates.register_template,
            summary="Register a template",
            body=template.Template,
            answers={200: RegisteredBody},
            errors=[400, 404, 408, 409, 413, 415, 422],
        ),
        Route(
            method="GET",
            path=_WORKFLOW,
            handler=templates.show_template,
            summary="Show a template",
            query={"version": {"type": "string", "description": "The last one, unless it is given."}},
            answers={200: template.Template},
            errors=[400, 404],
        ),
        Route(
            method="GET",
            path=_TASK,
            handler=tasks.show_task,
            summary="Show how a task stands",
            query=_WAIT,
            answers={200: TaskBody, 202: TaskBody},
            errors=[400, 404],
        ),
        Route(
            method="GET",
            path=f"{_TASK}/results",
            handler=tasks.show_results,
            summary="Show what the steps of a task have returned",
            answers={200: ResultsBody},
            errors=[400, 404, 422],
        ),
        Route(
            method="POST",
            path=f"{_TASK}/cancel",
            handler=tasks.cancel_task,
            summary="Call a task off",
            body=Cancellation,
            body_optional=True,
            answers={200: DoneBody},
            errors=[400, 404, 408, 409, 413, 415, 422],
        ),
        Route(
            method="POST",
            path=f"{_STEP}/resolve",
            handler=steps.resolve_step,
            summary="Give the result of a step in error",
            body=Resolution,
            answers={200: DoneBody},
            errors=[400, 404, 408, 409, 413, 415, 422],
        ),
        Route(
            method="POST",
            path=f"{_STEP}/retry",
            handler=steps.retry_step,
            summary="Let a step in error try again",
            body=Repetition,
            body_optional=True,
            answers={200: DoneBody},
            errors=[400, 404, 408, 409, 413, 415, 422],
        ),
        Route(
            method="GET",
            path="/v1/dead-letters",
            handler=dead_letters.list_dead_letters,
            summary="List what failed for good",
            query=_DEAD_LETTERS,
            answers={200: DeadLettersBody},
            errors=[400],
        ),
        Route(
            method="GET",
            path="/healthz",
            handler=monitoring.show_health,
            summary="Tell whether the process lives",
            answers={200: HealthBody},
            open=True,
            monitoring=True,
        ),
        Route(
            method="GET",
            path="/readyz",
            handler=monitoring.show_readiness,
            summary="Tell whether tasks can be created",
            answers={200: HealthBody},
            monitoring=True,
        ),
        Route(
            method="GET",
            path="/metrics",
            handler=monitoring.show_metrics,
            summary="Show figures for Prometheus",
            answers={200: None},
            monitoring=True,
        ),
        Route(
            method="GET",
            path="/openapi.json",
            handler=open_api.show_description,
            summary="Show this description",
            answers={200: dict},
            monitoring=True,
        ),
    ]
)
