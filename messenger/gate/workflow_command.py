"""Workflow commands: what GitHub does because of a line in a log, written when meant and defused when not.

Source: https://docs.github.com/actions/reference/workflow-commands, and ActionCommand.cs of actions/runner.
"""

import io
import os
import re
from typing import TextIO

# What the runner's comparison reads over, having no width, and what it skips at the beginning of a line.
_WIDTHLESS = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\u3164\ufe00-\ufe0f\ufeff\uffa0"
)
_SPACE = r" \t\v\f\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
# `::error::...` counts at the beginning of a line, `##[error]...` anywhere in it.
_COLONS = re.compile(rf"(?<![^\r\n])(?=[{_SPACE}{_WIDTHLESS}]*:[{_WIDTHLESS}]*:)")
_HASHES = re.compile(rf"#(?=[{_WIDTHLESS}]*#[{_WIDTHLESS}]*\[)")


def obeyed() -> bool:
    """Claim that GitHub reads what we print."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def write_command(command: str, message: str, **properties: str) -> str:
    """Write a line that GitHub obeys, whatever stands in *message* and *properties*.

    >>> write_command("error", "50 %", file="a,b.py", line="3")
    '::error file=a%2Cb.py,line=3::50 %25'
    """
    given = ",".join(
        f"{key}={_escape(value).replace(':', '%3A').replace(',', '%2C')}" for key, value in properties.items()
    )
    return f"::{command}{' ' if given else ''}{given}::{_escape(message)}"


def defuse(text: str) -> str:
    r"""Write *text* so that nothing in it is a command: a backslash breaks what would be one.

    >>> print(defuse("::add-mask::a\nx ##[error]b"))
    \::add-mask::a
    x #\#[error]b
    """
    return _HASHES.sub(r"#\\", _COLONS.sub(r"\\", text))


class GitHubLog(io.TextIOBase):
    """A stream that GitHub reads: all text is defused line by line, but for what `obey` gets."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._line = stream, ""

    def write(self, text: str) -> int:
        """Pass on every whole line."""
        lines, newline, self._line = (self._line + text).rpartition("\n")
        self._stream.write(defuse(lines + newline))
        return len(text)

    def obey(self, text: str) -> None:
        """Write lines that are meant as commands."""
        self.flush()
        self._stream.write(text)

    def flush(self) -> None:
        """Pass on what there is, be it half a line."""
        self._stream.write(defuse(self._line))
        self._line = ""
        self._stream.flush()

    def isatty(self) -> bool:
        """Say what the stream says."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Return the descriptor of the stream."""
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Return the encoding of the stream."""
        return self._stream.encoding


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
