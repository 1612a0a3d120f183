"""Terminal: a verdict as a table on the screen, the verdict in its last line."""

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..comparison import Status
from ..report import Report, Result
from ..verdict import Outcome
from .words import (
    change_cell,
    circumstances,
    headline,
    instructions_cell,
    plain,
    promise_clause,
    shorten,
    status_cell,
    time_cell,
)

if TYPE_CHECKING:
    from rich.table import Table

_WIDTH_LEAST = 60  # below, no column is left for the name

_STYLE = {
    Status.REGRESSED: "bold red",
    Status.MISSING: "bold red",
    Status.FAILED: "bold red",
    Status.FAILED_TARGET: "bold red",
    Status.UNACCEPTED: "bold red",
    Status.IMPROVED: "green",
    Status.NEW: "cyan",
    Status.CHANGED: "cyan",
    Status.ADVISORY: "yellow",
    Status.ACCEPTED: "yellow",
    Status.FAILED_IN_BASE: "yellow",
    Status.NOISY: "yellow",
    Status.NOT_CONFIRMED: "",
    Status.SKIPPED: "yellow",
    Status.STABLE: "",
}


def render_terminal(report: Report, *, width: int | None = None, colour: bool = False) -> str:
    """Draw *report*, *width* columns wide, or as wide as the names need (160 at least) when it is None."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    out = io.StringIO()
    rows = report.results
    prefix, names = shorten(row.name for row in rows)
    widest = max(map(len, names.values()), default=0)
    columns = max(width, _WIDTH_LEAST) if width else max(160, 80 + widest)
    console = Console(
        file=out, width=columns, force_terminal=colour, no_color=not colour, legacy_windows=False
    )
    for line in circumstances(report):
        console.print(Text(plain(line)), soft_wrap=width is None)
    if rows:
        table = Table(title=Text(f"names below {plain(prefix)}") if prefix else None, title_justify="left")
        # A name may go on in the next line, and is never cut.
        table.add_column("Benchmark", overflow="fold")
        counted = any(row.instructions_percent is not None for row in rows)
        for heading in ("Baseline", "Current", "Change", *(["Instructions"] if counted else [])):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("Status", overflow="fold")
        _fill(table, rows, names, counted)
        console.print(table)
    for line in _commands(report):  # whole, to be copied
        console.print(Text(line), soft_wrap=True)
    style = "bold green" if report.passed else "bold red"
    console.print(Text(plain(headline(report)), style=style), soft_wrap=True)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _fill(table: "Table", rows: Sequence[Result], names: Mapping[str, str], counted: bool) -> None:
    from rich.text import Text

    for row in rows:
        cells = [
            names[row.name],
            time_cell(row.baseline_q25_ms),
            time_cell(row.shown_ms),
            change_cell(row),
            *([instructions_cell(row)] if counted else []),
            "; ".join([status_cell(row), *map(promise_clause, row.targets)]),
        ]
        table.add_row(*(Text(plain(cell)) for cell in cells), style=_STYLE[row.status])


def _commands(report: Report) -> list[str]:
    """List what can be typed next, the likeliest last, where the eye is."""
    commands = report.commands
    lines = [f"Again:  {plain(commands.reproduce)}"]
    lines += [f"Accept: {plain(commands.accept)}"] if commands.accept else []
    if commands.closer:
        return [*lines, f"Closer: {plain(commands.closer)}"]
    return lines if _accepts_next(report) else lines[::-1]


def _accepts_next(report: Report) -> bool:
    """Claim that only accepting leads on: nothing was there to compare with, or to miss any longer."""
    lacking = report.verdict in (Outcome.ADVISORY, Outcome.NOTHING_COMPARED)
    return lacking or any(row.status is Status.MISSING for row in report.results)
