"""Workflows: steps that depend on one another, and survive a crash.

from messenger.workflow import Context, Workflow, step

@step
def reserve(context: Context):
    return {"items": context.input["items"]}

@step(depends_on=[reserve])
async def charge(context: Context):
    return len(context.results["reserve"]["items"])

orders = Workflow("orders", version="1", steps=[reserve, charge])
"""

from typing import TYPE_CHECKING, Any

from .attempt import HandlerDied, HandlerRaised, TimedOut
from .context import Context, CursorRange, LeaseLost
from .handlers import Handler, Handlers, UnknownHandler
from .input_schema import BadInput, check_input
from .json_value import NotJson
from .outcome import BadResult, PermanentError, RetryLater
from .problem import BadTemplate, Problem
from .runner import Runner
from .state import StepState, TaskState
from .subprocess_handler import BadLine, HandlerFailed, SubprocessHandler, subprocess_handler
from .template import Retry, Step, Template
from .thread_pool import ThreadsHang
from .workflow import StepFunction, Workflow, batch, decision, step

if TYPE_CHECKING:
    from .template_file import format_template, parse_template

__all__ = [
    "BadInput",
    "BadLine",
    "BadResult",
    "BadTemplate",
    "Context",
    "CursorRange",
    "Handler",
    "HandlerDied",
    "HandlerFailed",
    "HandlerRaised",
    "Handlers",
    "LeaseLost",
    "NotJson",
    "PermanentError",
    "Problem",
    "Retry",
    "RetryLater",
    "Runner",
    "Step",
    "StepFunction",
    "StepState",
    "SubprocessHandler",
    "TaskState",
    "Template",
    "ThreadsHang",
    "TimedOut",
    "UnknownHandler",
    "Workflow",
    "batch",
    "check_input",
    "decision",
    "format_template",
    "parse_template",
    "step",
    "subprocess_handler",
]


def __getattr__(name: str) -> Any:
    # They take PyYAML, which a worker whose templates are Python does without.
    if name not in ("format_template", "parse_template"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import template_file

    return getattr(template_file, name)


def __dir__() -> list[str]:
    return sorted(__all__)
