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

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .attempts.attempt import HandlerDied, HandlerRaised, TimedOut
from .attempts.runner import Runner
from .attempts.subprocess_handler import BadLine, HandlerFailed, SubprocessHandler, subprocess_handler
from .attempts.thread_pool import ThreadsHang
from .context import Context, CursorRange, LeaseLost
from .handlers import Handler, Handlers, UnknownHandler
from .input_schema import BadInput, check_input
from .json_value import NotJson
from .outcome import BadResult, PermanentError, RetryLater
from .problem import BadTemplate, Problem
from .state import StepState, TaskState
from .template import Retry, Step, Template
from .workflow import StepFunction, Workflow, batch, decision, step

if TYPE_CHECKING:
    from .attempts.foreign import BadForeign, CffiMissing, ForeignError, foreign_handler
    from .template_file import format_template, parse_template

__all__ = [
    "BadForeign",
    "BadInput",
    "BadLine",
    "BadResult",
    "BadTemplate",
    "CffiMissing",
    "Context",
    "CursorRange",
    "ForeignError",
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
    "foreign_handler",
    "format_template",
    "parse_template",
    "step",
    "subprocess_handler",
]


# What few workers need: PyYAML is for templates that are not Python, and cffi for handlers in C.
_LATE = {
    "BadForeign": "attempts.foreign",
    "CffiMissing": "attempts.foreign",
    "ForeignError": "attempts.foreign",
    "foreign_handler": "attempts.foreign",
    "format_template": "template_file",
    "parse_template": "template_file",
}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_LATE[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
