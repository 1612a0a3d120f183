"""`messenger gate check`: judges runs, what is measured now, or this checkout against a commit."""

import shlex
from datetime import date
from pathlib import Path
from typing import Unpack

import click
import msgspec

from ..accepted import read_accepted
from ..archive import archive_of
from ..check import check_by_measuring, check_run, settle
from ..circumstances import of_baselines
from ..comparison import Status
from ..doctor import in_a_line, prerequisites
from ..error import GateError
from ..facts import read_facts
from ..history.read import read_trends
from ..history.trend import Trend
from ..lockstep.check import check_side_by_side
from ..lockstep.order import Order as DuelOrder
from ..measure import Order
from ..paths import relative_paths
from ..report import Report, report_of
from ..selection import matches_any
from ..settings import Settings
from ..source import find_sources
from ..store import read_baselines
from ..verdict import Commands, judge
from .arguments import (
    examples,
    find_project,
    finite,
    measuring,
    place_for,
    read_run,
    require_existing,
    require_sense,
)
from .output import Wanted, publish, reporting, require_room


@click.command(
    "check",
    short_help="judge runs against the baselines",
    epilog=examples(
        "messenger gate check --base origin/main benches --markdown comparison.md",
        "messenger gate check --measure 3 benches/node --markdown comparison.md",
        "messenger gate check run1.json run2.json run3.json --only parse",
    ),
)
@measuring
@click.option(
    "--only",
    multiple=True,
    metavar="PATTERN",
    help="Judge only benchmarks whose full name contains PATTERN; * stands for anything. Repeatable.",
)
@reporting
@click.option("--require-verdict", is_flag=True, help="Exit 3 where no baseline of this environment exists.")
@click.option(
    "--base",
    metavar="REF",
    help="Compare this checkout with the commit it left REF at, both measured now, side by side.",
)
@click.option(
    "--budget",
    type=click.FloatRange(min=1),
    callback=finite,
    metavar="SECONDS",
    help="With --base: stop after about so long.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    callback=finite,
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="With --base: how long a benchmark may keep the gate waiting.",
)
@click.option(
    "--spawn",
    is_flag=True,
    help="With --base: start both sides rather than fork them, for packages that do not survive a fork.",
)
@click.option(
    "--same-packages",
    is_flag=True,
    help="With --base: run the base with what is installed here, whatever it asks for.",
)
def command(
    arguments: tuple[str, ...],
    measure: int | None,
    keep: Path | None,
    baselines: Path | None,
    only: tuple[str, ...],
    require_verdict: bool,
    base: str | None,
    budget: float | None,
    timeout: float,
    spawn: bool,
    same_packages: bool,
    **wanted: Unpack[Wanted],
) -> int:
    """Judge runs, one report a fresh process, or measure PATHS and judge that.

    Measured suspects are measured again in at least 5 fresh processes before they are called regressed.
    With --base no baseline is needed: base and head run by turns, in pairs of processes that are alike.
    """
    root, settings, folder = find_project(baselines)
    require_room(wanted)
    found = prerequisites(read_facts(root)) if measure or base is not None else ()
    if found:
        click.echo(in_a_line(found), err=True)
    if base is None:
        require_sense(arguments, measure, keep, only)
        commands = _commands(arguments, measure, baselines, only)
        order = Order(paths=arguments, processes=measure or 0, only=only)
        report = _against_baselines(order, keep, settings, root, folder, commands, require_verdict)
    else:
        if measure or keep:
            raise click.UsageError("--base measures in its own way; drop --measure and --keep")
        duel = DuelOrder(
            ref=base,
            paths=relative_paths(arguments, Path.cwd(), root) or (),
            only=only,
            budget_seconds=budget,
            timeout_seconds=timeout,
            spawn=spawn,
            same_packages=same_packages,
        )
        verdict = check_side_by_side(duel, settings, root, folder)
        report = report_of(verdict, find_sources(root, (row.name for row in verdict.comparisons)))
    _tell_idle(report, folder)
    trends = _trends_of(report, folder, settings)
    report = msgspec.structs.replace(report, trends=trends, prerequisites=found)
    return publish(report, wanted, archive_of(root, settings))


def _tell_idle(report: Report, folder: Path) -> None:
    """Where something is slower, an acceptance that fits no name may be the one that was meant for it."""
    if any(result.status is Status.REGRESSED for result in report.results):
        names = [result.name for result in report.results]
        for entry in read_accepted(folder):
            if not any(matches_any([entry.benchmark], name) for name in names):
                click.echo(f"note: accepted.toml: no benchmark here is called {entry.benchmark!r}", err=True)


def _trends_of(report: Report, folder: Path, settings: Settings) -> tuple[Trend, ...]:
    """Read what is known of the benchmarks in *report*; a git that does not tell is no reason to fail."""
    names = {result.name for result in report.results}
    try:
        return tuple(trend for trend in read_trends(folder, settings) if trend.name in names)
    except GateError:
        return ()


def _against_baselines(
    order: Order,
    keep: Path | None,
    settings: Settings,
    root: Path,
    folder: Path,
    commands: Commands,
    require_verdict: bool,
) -> Report:
    """Hold against the baselines what is measured now, or, of no processes, the reports that were named."""
    stored, accepted = read_baselines(folder), read_accepted(folder)
    if order.processes:
        require_existing(order.paths, stored, root)
        with place_for(keep) as place:
            checked = check_by_measuring(order, settings, root, stored, place)
    else:
        checked = check_run(read_run(order.paths), stored, order.only)
    rows = settle(checked.comparisons, accepted, settings, date.today())
    circumstances = of_baselines(checked.run, checked.baselines, rows)
    verdict = judge(rows, circumstances, commands, require_verdict=require_verdict)
    return report_of(verdict, checked.run.sources)


def _commands(
    arguments: tuple[str, ...], measure: int | None, baselines: Path | None, only: tuple[str, ...]
) -> Commands:
    where = ["--baselines", str(baselines)] if baselines else []
    narrowed = [f"--only={pattern}" for pattern in only]
    check, accepting = ["messenger", "gate", "check"], ["messenger", "gate", "accept"]
    if measure is None:
        return Commands(
            reproduce=shlex.join([*check, *arguments, *where, *narrowed]),
            accept=shlex.join([*accepting, *arguments, *where]),
        )
    return Commands(
        reproduce=shlex.join([*check, "--measure", str(measure), *arguments, *where, *narrowed]),
        accept=shlex.join([*accepting, "--measure", str(max(measure, 5)), *arguments, *where]),
    )
