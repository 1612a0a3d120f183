"""Markup: arbitrary text in markdown, where it must not become markup, a link or a mention."""

import re
from collections.abc import Iterable

from .words import plain

# GitHub looks for these in the text that it has rendered, so no escape hides them from it: only a
# character between, of no width.  They are @mentions and addresses, #issues, URLs, and www. without one.
_NOTICED = re.compile(r"@|#|GH-|:(?=//)|www(?=\.)", re.IGNORECASE)
_BREAK = "&#8203;"


def code(text: str) -> str:
    """Write *text* as a code span that survives a table: nothing is markup, and no bar ends the cell."""
    text = plain(text).replace("|", "\\|")
    fence = _fence(text, 1)
    space = " " if len(fence) > 1 else ""
    return f"{fence}{space}{text}{space}{fence}"


def fenced(lines: Iterable[str], language: str = "") -> str:
    """Write *lines* as a block of code, which none of them can end."""
    text = "\n".join(map(plain, lines))
    fence = _fence(text, 3)
    return f"{fence}{language}\n{text}\n{fence}"


def inert(text: str) -> str:
    """Write *text* so that markdown shows it as it stands, and GitHub makes nothing more of it."""
    text = plain(text).replace("&", "&amp;")
    text = re.sub(r"([\\`*|\[\]$])", r"\\\1", text).replace("<", "&lt;")
    # Emphasis needs one that no letter, or no space, keeps apart.
    text = re.sub(r"(?<![^\W_])_|_(?![^\W_])|~(?=\S)", r"\\\g<0>", text)
    return _NOTICED.sub(rf"\g<0>{_BREAK}", text)


def item(text: str) -> str:
    """Write *text* as an item of a list, in which its beginning makes no heading, quotation or list."""
    return "- " + re.sub(r"^(\d*)([-+>=.)])", r"\1\\\2", inert(text).strip())


def _fence(text: str, least: int) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    return "`" * max(least, longest + 1)
