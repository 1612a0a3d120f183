"""JSON value: what inputs, results and checkpoints are, as the bytes that PostgreSQL's jsonb takes."""

from math import isfinite
from typing import Any

import msgspec

MOST_BYTES = 1 << 20

_encode = msgspec.json.Encoder().encode


class NotJson(ValueError):
    """A value that JSON, or jsonb, cannot hold as it is, or one that is too large."""


def encode_json(value: Any, most_bytes: int = MOST_BYTES) -> bytes:
    r"""Return *value* as JSON.

    What msgspec knows becomes JSON (structs, dates, UUIDs). Not-a-number and infinity, which it would write
    as null, are refused, and so is U+0000, which jsonb has no place for.

    >>> encode_json({"paid": True})
    b'{"paid":true}'

    Raises:
        NotJson: with what is wrong, and where to put what is too large.
    """
    try:
        data = _encode(value)
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise NotJson(f"{error}; use text, numbers, lists, dicts and structs") from error
    if len(data) > most_bytes:
        raise NotJson(
            f"it takes {len(data):,} bytes, and {most_bytes:,} are stored at most; store where to find it"
        )
    if (b"null" in data or b"\\u0000" in data) and (what := _unstorable(value)):
        raise NotJson(f"it holds {what}, which cannot be stored; replace or remove it")
    return data


def _unstorable(value: Any) -> str | None:
    """Look for what the encoder has let pass; rarely called, for it is slower than encoding."""
    left = [msgspec.to_builtins(value, str_keys=True)]
    while left:
        match left.pop():
            case float() as number if not isfinite(number):
                return f"the number {number}"
            case str() as text if "\0" in text:
                return "the character U+0000"
            case dict() as mapping:
                left += [*mapping, *mapping.values()]
            case list() | tuple() as items:
                left += items
    return None
