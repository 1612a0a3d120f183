"""Terminal: what is at the other end of stdout, and what it can show."""

import os
import shutil
import sys
from collections.abc import Sequence

import click

from ..state import StepState
from .columns import columns_of
from .table import format_table

_COLOURS = {
    StepState.IN_PROGRESS: "blue",
    StepState.WAITING_FOR_RETRY: "yellow",
    StepState.COMPLETE: "green",
    StepState.ERROR: "red",
    StepState.CANCELLED: "bright_black",
    StepState.RESOLVED_MANUALLY: "magenta",
}
_UNICODE = "○◌▶↻✔✘⊘✎•─│┌┐└┘├┤┬┴┼…"


def is_terminal() -> bool:
    """Claim that somebody looks at stdout, rather than a file or a pipe."""
    return sys.stdout.isatty()


def width() -> int:
    """Return how many columns to write; COLUMNS says so where there is no terminal."""
    return shutil.get_terminal_size().columns


def height() -> int:
    """Return how many lines are seen at once."""
    return shutil.get_terminal_size().lines


def ascii_only() -> bool:
    """Claim that the encoding of stdout has no lines and symbols."""
    try:
        _UNICODE.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return True
    return False


def paint(text: str, state: StepState) -> str:
    """Colour *text*, if colours are shown and wanted; see no-color.org."""
    colour = _COLOURS.get(state)
    plain = not is_terminal() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return text if plain or colour is None else click.style(text, fg=colour)


def write(text: str) -> None:
    """Write *text*, painted or not, as a line to stdout."""
    click.echo(text, color=True)


def write_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table to stdout; where somebody looks at it, it is as wide as the terminal at most."""
    click.echo("\n".join(format_table(head, rows, width() if is_terminal() else None)))


def rewrite(lines: list[str], before: int) -> int:
    """Write *lines* in the place of the *before* rows that were written last; return how many they take."""
    # Past the top of the screen no cursor goes back: then all of it is written anew.
    back = "\x1b[H" if before >= height() else f"\x1b[{before}F" if before else ""
    sys.stdout.write(f"{back}\x1b[J" + "".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
    return sum(max(1, -(-columns_of(click.unstyle(line)) // width())) for line in lines)
