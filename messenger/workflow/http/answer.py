"""Answer: what goes back for a request."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

Headers = Sequence[tuple[bytes, bytes]]

JSON = b"application/json"

_encode = msgspec.json.Encoder().encode


class Answer(NamedTuple):
    """A status and a body, complete: nothing that we answer is worth a stream."""

    status: int
    body: bytes
    headers: Headers = ()
    content_type: bytes = JSON


def json_answer(value: Any, status: int = 200, headers: Headers = ()) -> Answer:
    """Return *value* as JSON."""
    return Answer(status, _encode(value), headers)
