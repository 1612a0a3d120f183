"""What a handler returns in place of an answer that it cannot give yet."""

from collections.abc import Callable
from typing import Any, ClassVar

from msgspec import Struct

from .driver import Driver


class AfterFlush(Struct):
    """Call again once every reply before this one has been written."""

    call: Callable[[], Any]
    request: Any = None
    received_ns: int = 0
    msg_id: ClassVar[None] = None  # no body's msg_id is None: `dispatch` sees that this is none


class Held(Struct):
    """Dispatch again once the node is initialised."""

    request: Any = None
    msg_id: ClassVar[None] = None


Later = AfterFlush | Driver | Held
