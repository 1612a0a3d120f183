"""Context: what a handler is given."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import UNSET, Struct

from .json_value import encode_json


class LeaseLost(Exception):
    """The attempt is over: the step was cancelled, or its lease ran out and another worker has it."""


class CursorRange(Struct, frozen=True):
    """The part of a batch that one clone of its worker does: from *start* up to *end*, whatever they count.

    Both are JSON; whether *end* is part of it is between the batch and its worker.
    """

    start: Any
    end: Any


def _to_nobody(checkpoint: bytes | None) -> None:
    """Send nothing, so that a test can make a context and call a handler."""


class Context(Struct, frozen=True, kw_only=True):
    """What a handler is given; all but *input* has a default, for tests of handlers."""

    input: Any = None
    """What the task was created with."""
    results: Mapping[str, Any] = {}
    """What the steps that this one depends on returned, by name. A step that a decision did not choose is
    missing; a batch's worker has a list, in the order of the ranges. A clone has none, but its range."""
    task_id: str = ""
    step_id: str = ""
    """The same in each attempt: what to make a call elsewhere idempotent with."""
    step: str = ""
    """The step's name."""
    attempt: int = 1
    cursor_range: CursorRange | None = None
    """Of a batch's worker: which part to do."""
    checkpoint: Any = None
    """What an attempt before this one saved last with `heartbeat`."""
    send_heartbeat: Callable[[bytes | None], None] = _to_nobody
    """The worker's side of `heartbeat`: takes a checkpoint as JSON, or None."""

    def heartbeat(self, checkpoint: Any = UNSET) -> None:
        """Tell that the attempt is alive, and let a next attempt begin at *checkpoint*, which is JSON.

        It does not wait, and may be called from any thread, as often as you like. A checkpoint is stored with
        the worker's next extension of the lease; one that a crash comes before is lost.

        Raises:
            LeaseLost: stop, for nobody will take your result.
            NotJson: the checkpoint cannot be stored.
        """
        self.send_heartbeat(None if checkpoint is UNSET else encode_json(checkpoint))
