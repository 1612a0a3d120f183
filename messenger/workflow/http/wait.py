"""Wait: how long a client wants to wait for the end of a task, as its query says."""

import re

from .request import bad_query

MOST_SECONDS = 60.0

_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s)", re.ASCII)


def wait_seconds(text: str) -> float:
    """Read `2s` or `500ms`, at most a minute.

    >>> wait_seconds("500ms"), wait_seconds("2s")
    (0.5, 2.0)

    Raises:
        HttpRefusal: it is neither.
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        raise bad_query(f"wait is {text[:100]!r}; write a number and a unit, such as wait=2s or wait=500ms")
    seconds = float(found[1]) * (1e-3 if found[2] == "ms" else 1)
    if seconds > MOST_SECONDS:
        raise bad_query(f"wait is {text}; wait for {MOST_SECONDS:g}s at most, and ask again")
    return seconds
