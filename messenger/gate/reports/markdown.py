"""Markdown: a verdict as text for pull requests and job summaries."""

import re
from collections.abc import Mapping, Sequence

from ..comparison import Status
from ..report import Report, Result
from .units import plural
from .words import (
    change_cell,
    circumstances,
    instructions_cell,
    plain,
    shorten,
    status_cell,
    summary,
    target_cells,
    time_cell,
)

_HEAD = ("| Benchmark | Baseline | Current | Change |", "|---|---:|---:|---:|")


def render_markdown(report: Report) -> str:
    """Write *report*: summary, what was compared, rows worst first, stable ones folded, commands."""
    rows = report.results
    prefix, names = shorten(row.name for row in rows)
    telling = [row for row in rows if row.status is not Status.STABLE]
    stable = [row for row in rows if row.status is Status.STABLE]
    parts = [
        f"**{_escape(summary(report))}**",
        "\n".join(f"- {_escape(line)}" for line in circumstances(report)),
    ]
    if prefix:
        parts.append(f"All names stand below {_code(prefix)}.")
    if telling:
        parts.append(_table(telling, names))
    if stable:
        inside = f"<summary>{len(stable)} stable</summary>"
        parts.append(f"<details>{inside}\n\n{_table(stable, names)}\n\n</details>")
    if any(row.targets for row in rows):
        parts.append(_targets(rows, names))
    parts.append(_commands(report))
    return "\n\n".join(parts) + "\n"


def _table(rows: Sequence[Result], names: Mapping[str, str]) -> str:
    counted = any(row.instructions_percent is not None for row in rows)
    heading, alignment = _HEAD
    lines = [
        f"{heading} Instructions | Status |" if counted else f"{heading} Status |",
        f"{alignment}---:|---|" if counted else f"{alignment}---|",
    ]
    for row in rows:
        cells = [
            _code(names[row.name]),
            time_cell(row.baseline_q25_ms),
            time_cell(row.shown_ms),
            change_cell(row),
            status_cell(row),
        ]
        if counted:
            cells.insert(-1, instructions_cell(row))
        lines.append(_line(*cells))
    return "\n".join(lines)


def _targets(rows: Sequence[Result], names: Mapping[str, str]) -> str:
    count = sum(len(row.targets) for row in rows)
    lines = [f"{plural(count, 'target')}:", "", "| Benchmark | Statistic | Value | Target | Outcome |"]
    lines.append("|---|---|---:|---:|---|")
    for row in rows:
        for target in row.targets:
            statistic, outcome = target_cells(target)
            value, promised = time_cell(target.value_ms), time_cell(target.target_ms)
            lines.append(_line(_code(names[row.name]), statistic, value, promised, outcome))
    return "\n".join(lines)


def _commands(report: Report) -> str:
    fence = "```"
    commands = report.commands
    closer = f"\n{plain(commands.closer)}" if commands.closer else ""
    return (
        f"Again, {'to accept, and to look closer' if closer else 'and to accept'}:\n\n{fence}sh\n"
        f"{plain(commands.reproduce)}\n{plain(commands.accept)}{closer}\n{fence}"
    )


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _code(text: str) -> str:
    """Write *text* as a code span that survives a table: nothing is markup, and no bar ends the cell."""
    text = plain(text).replace("|", "\\|")
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    space = " " if longest else ""
    return f"{fence}{space}{text}{space}{fence}"


def _escape(text: str) -> str:
    """Write *text* so that markdown shows it as it stands."""
    return re.sub(r"([\\`*|])", r"\\\1", plain(text)).replace("<", "&lt;")
