"""Context as JSON: what a handler that is not written in Python is given."""

import msgspec

from ..context import Context

_encode = msgspec.json.Encoder().encode


def encode_context(context: Context) -> bytes:
    """Return all but the heartbeat of *context*, as JSON on one line.

    >>> encode_context(Context(input=7, step="charge"))[:60]
    b'{"task_id":"","step_id":"","step":"charge","attempt":1,"inpu'
    """
    return _encode(
        {
            "task_id": context.task_id,
            "step_id": context.step_id,
            "step": context.step,
            "attempt": context.attempt,
            "input": context.input,
            "results": context.results,
            "cursor_range": context.cursor_range,
            "checkpoint": context.checkpoint,
        }
    )
