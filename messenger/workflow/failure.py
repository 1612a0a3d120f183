"""Failure: what is kept of an attempt that raised, and when the next one is."""

import traceback
from random import Random
from typing import Any

from .outcome import PermanentError, RetryLater
from .template import Step

_MESSAGE_MOST = 2000
_TRACE_MOST = 8000
_SECONDS_MOST = 31_536_000.0  # a year, as of a template's; in a million of them PostgreSQL has no dates


def failure_of(error: BaseException) -> dict[str, Any]:
    """Return type, message and traceback of *error* as JSON, shortened, without what jsonb cannot hold.

    >>> failure_of(ValueError("no such item"))
    {'type': 'ValueError', 'message': 'no such item'}
    """
    trace = "".join(traceback.format_tb(error.__traceback__))
    failure = {"type": type(error).__name__, "message": _clean(_said_by(error))[:_MESSAGE_MOST]}
    return failure | {"traceback": _clean(trace)[-_TRACE_MOST:]} if trace else failure


def delay_after(error: BaseException, step: Step, attempt: int, chance: Random) -> float | None:
    """Return in how many seconds *step* is tried again after *attempt*, or None when it is not."""
    match error:
        case PermanentError():
            return None
        case RetryLater():
            return min(error.seconds, _SECONDS_MOST)
    return step.retry.delay_seconds(attempt + 1, chance)


def _said_by(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as other:
        return f"it cannot say what it is, for that raises {type(other).__name__}"


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
