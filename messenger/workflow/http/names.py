"""Names: what paths call things by."""

import re

from .refusal import HttpRefusal
from .request import bad_query

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,19}", re.ASCII)
_MOST = 2**63 - 1  # PostgreSQL's bigint


def task_id_of(text: str) -> int:
    """Return the number of a task.

    Raises:
        HttpRefusal: no task has such a number.
    """
    number = int(text) if _NUMBER.fullmatch(text) else _MOST + 1
    if number > _MOST:
        raise HttpRefusal(404, "not_found", f"there is no task {text[:100]!r}; tasks have whole numbers")
    return number


def name_of(text: str, what: str) -> str:
    """Return a name.

    Raises:
        HttpRefusal: no *what* has such a name.
    """
    if not _NAME.fullmatch(text):
        raise HttpRefusal(
            404, "not_found", f"there is no {what} {text[:100]!r}; names have letters, digits, _, - and ."
        )
    return text


def number_in(parameters: dict[str, str], name: str, default: int | None, most: int = _MOST) -> int | None:
    """Return the whole number that the query gives as *name*, from 1 to *most*.

    Raises:
        HttpRefusal: it is none.
    """
    text = parameters.get(name)
    if text is None:
        return default
    number = int(text) if _NUMBER.fullmatch(text) else 0
    if not 1 <= number <= most:
        raise bad_query(f"{name} is {text[:100]!r}; write a whole number from 1 to {most:,}")
    return number
