"""Screen: what the terminal at the other end of a stream can show."""

import os
from typing import TextIO

_WIDTH_MOST = 100  # a longer line is not read, it is searched


def columns(stream: TextIO) -> int | None:
    """Return the columns to draw in; None, as wide as needed, where nobody said how wide the output is."""
    asked = os.environ.get("COLUMNS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    return min(os.get_terminal_size(stream.fileno()).columns, _WIDTH_MOST) if stream.isatty() else None


def colourful(stream: TextIO) -> bool:
    """Claim that colours are shown and wanted; see no-color.org."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and not dumb()


def dumb() -> bool:
    """Claim that the terminal, if there is one, cannot go back in a line."""
    return os.environ.get("TERM", "").lower() in ("dumb", "unknown")


def printable(text: str, stream: TextIO) -> str:
    """Write `?` for what the encoding of *stream* lacks; pytest would escape all of it, line ends too."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)
