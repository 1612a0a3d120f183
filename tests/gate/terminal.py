"""A terminal of a given width, and what a person sees on it."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path

_HIDING = ("PYTEST_", "COLUMNS", "NO_COLOR", "FORCE_COLOR", "PY_COLORS", "TERM", "CI", "BUILD_NUMBER")


def on_terminal(
    folder: Path, *command: str, columns: int = 100, settings: Mapping[str, str] | None = None
) -> tuple[str, int]:
    """Run `python -m COMMAND` in *folder* on a terminal; return all it wrote, and its exit status."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(_HIDING)}
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    child = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=inherited
        | {"PYTHONIOENCODING": "utf-8", "TERM": "xterm", "PYTHONDONTWRITEBYTECODE": "1"}
        | (settings or {}),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    return written.decode(), child.wait(60)


def seen(written: str) -> list[str]:
    """Return the lines that stand on the screen in the end: what was drawn over is gone."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written)
    return [_overdrawn(line) for line in plain.replace("\r\n", "\n").split("\n")]


def _overdrawn(line: str) -> str:
    shown = ""
    for drawn in line.split("\r"):
        shown = drawn + shown[len(drawn) :]
    return shown.rstrip()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux says so where others say that nothing is left
        return b""
