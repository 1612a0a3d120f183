"""Columns: how much of a line on a terminal a text takes."""

from unicodedata import combining, east_asian_width


def columns_of(text: str) -> int:
    """Count the columns that a terminal takes for *text*.

    >>> columns_of("naïve 東京")
    10
    """
    return sum(0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in text)


def fitted(text: str, columns: int) -> str:
    """Return as much of *text* as *columns* have room for, with an ellipsis when that is not all."""
    if columns_of(text) <= columns:
        return text
    while text and columns_of(text) > columns - 1:
        text = text[:-1]
    return text + "…" if columns else ""


def on_one_line(text: str) -> str:
    r"""Take out what would move the cursor, which any error may hold.

    >>> on_one_line("red: \x1b[31m\n  told")
    'red: [31m told'
    """
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())
