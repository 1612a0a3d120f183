"""What a handler returns in place of an answer that it cannot give yet."""

from collections.abc import Callable
from contextvars import Context
from typing import Any, ClassVar

from msgspec import Struct


class AfterFlush(Struct, frozen=True):
    """Call again once every reply before this one has been written."""

    call: Callable[[], Any]
    msg_id: ClassVar[None] = None  # no body's msg_id is None: `dispatch` sees that this is none


class Parked(Struct, frozen=True):
    """A handler at a wait: what it waits for, the context to go on in, and when its request was read."""

    driver: Any
    awaited: Any
    context: Context
    current: Any
    received_ns: int = 0
    msg_id: ClassVar[None] = None


class Held(Struct, frozen=True):
    """Dispatch again once the node is initialised."""

    msg_id: ClassVar[None] = None


Later = AfterFlush | Parked | Held
