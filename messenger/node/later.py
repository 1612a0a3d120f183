"""What a handler returns in place of an answer that it cannot give yet."""

from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any

from msgspec import Struct


class AfterFlush(Struct, frozen=True):
    """Call again once every reply before this one has been written."""

    call: Callable[[], Any]


class Parked(Struct, frozen=True):
    """A coroutine at its first wait: what it waits for, and the context to go on in."""

    coroutine: Coroutine[Any, Any, Any]
    awaited: Any
    context: Context
    current: Any


Later = AfterFlush | Parked
