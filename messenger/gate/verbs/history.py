"""`messenger gate history`: what the benchmarks took at one commit after the other."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from ..error import GateError
from ..history.read import read_history
from ..history.trend import Trend
from ..machine import capture
from ..publish import require_writable
from ..reports.history import render_history
from ..reports.units import percent, plural
from ..screen import colourful, columns
from ..selection import matches_any
from ..store import write_whole
from .arguments import FILE, examples, find_project, finite


@click.command(
    "history",
    short_help="show how the benchmarks have changed",
    epilog=examples(
        "messenger gate history",
        "messenger gate history parse --anchor v1.2.0",
        "messenger gate history --reports .benchmarks --json trends.json --fail-on-creep 15",
    ),
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--baselines",
    type=FILE,
    metavar="DIR",
    help="Folder of baselines. Default: `baselines` of [tool.messenger.gate], else baselines/.",
)
@click.option(
    "--reports", type=FILE, metavar="DIR", help="Add the reports in DIR, ours and those of pytest-benchmark."
)
@click.option(
    "--anchor",
    metavar="REF",
    help="Measure slow creep against REF. Default: `anchor` of [tool.messenger.gate], else the latest tag "
    "before HEAD that has baselines, else the first point.",
)
@click.option("--json", type=FILE, metavar="FILE", help="Write the trends as JSON, times in milliseconds.")
@click.option(
    "--fail-on-creep",
    type=click.FloatRange(min=0),
    callback=finite,
    metavar="PERCENT",
    help="Exit 1 when a benchmark has crept further than that from its anchor, in small steps.",
)
def command(
    names: tuple[str, ...],
    baselines: Path | None,
    reports: Path | None,
    anchor: str | None,
    json: Path | None,
    fail_on_creep: float | None,
) -> int:
    """Show what the benchmarks took from commit to commit, most changed first.

    The baselines in git are the memory. Only benchmarks whose full name, now or formerly, contains a NAME
    are shown; * stands for anything. Each environment is compared with itself only. Step is the change from
    the point before, Anchor that from the release, and lines below tell when and why a level changed.
    """
    if not all(names) or anchor == "":
        raise click.UsageError("an empty NAME or REF says nothing; drop it")
    _, settings, folder = find_project(baselines)
    require_writable(json)
    history = read_history(folder, settings, reports=reports, anchor=anchor)
    trends = _matching(history.trends, names)
    if json is not None:
        write_whole(json, msgspec.json.format(msgspec.json.encode(trends), indent=2).decode() + "\n")
    colour = colourful(sys.stdout)
    text = render_history(
        trends,
        current=capture(settings.packages).slug,
        warnings=history.warnings,
        width=columns(sys.stdout) if sys.stdout.isatty() else None,
        colour=colour,
    )
    click.echo(text, nl=False, color=colour)
    return 0 if fail_on_creep is None else _judge(trends, fail_on_creep)


def _matching(trends: Sequence[Trend], names: tuple[str, ...]) -> tuple[Trend, ...]:
    found = tuple(
        trend
        for trend in trends
        if not names or any(matches_any(names, name) for name in (trend.name, *trend.formerly))
    )
    if not found:
        known = plural(len(trends), "trend")
        raise GateError(
            f"none of the {known} is of a benchmark called {' or '.join(names)}; "
            f"name a part of one, such as {trends[0].name}"
        )
    return found


def _judge(trends: Sequence[Trend], limit_percent: float) -> int:
    far = [trend for trend in trends if trend.creeps_beyond(limit_percent)]
    if not far:
        click.echo(f"PASSED: no benchmark has crept more than {limit_percent:g} % from its anchor.")
        return 0
    worst = max(far, key=lambda trend: trend.drift_percent or 0.0)
    click.echo(
        f"FAILED: {plural(len(far), 'benchmark')} crept more than {limit_percent:g} % from the anchor, "
        f"{worst.name} the furthest: {percent(worst.drift_percent)} since {worst.anchor}."
    )
    return 1
