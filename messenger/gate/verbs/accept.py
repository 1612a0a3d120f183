"""`messenger gate accept`: makes runs the baseline."""

import sys
from datetime import date
from pathlib import Path

import click

from ..accept import Acceptance, accept, read_reason, regressions
from ..accepted import excuse_rows, read_accepted
from ..check import check_run, measure_run, selection_of
from ..error import GateError
from ..git import read_commit
from ..measure import Order
from ..reports.acceptance import render_acceptance
from ..store import baseline_path, read_baselines, write_baseline
from .arguments import examples, find_project, measuring, place_for, read_run, require_existing, require_sense


@click.command(
    "accept",
    short_help="make runs the baseline",
    epilog=examples(
        "messenger gate accept --measure 5 benches/node",
        "messenger gate accept run1.json run2.json run3.json run4.json run5.json --prune",
        "messenger gate accept --measure 5 benches --reason 'bench_parse=checks UTF-8 now'",
    ),
)
@measuring
@click.option("--allow-dirty", is_flag=True, help="Accept a run of uncommitted changes.")
@click.option("--prune", is_flag=True, help="Drop rows of the measured paths that the run does not contain.")
@click.option(
    "--reason",
    "reasons",
    multiple=True,
    metavar="[PATTERN=]WHY",
    help="Write into the rows whose names contain PATTERN why they are accepted. Repeatable.",
)
def command(
    arguments: tuple[str, ...],
    measure: int | None,
    keep: Path | None,
    baselines: Path | None,
    allow_dirty: bool,
    prune: bool,
    reasons: tuple[str, ...],
) -> int:
    """Make runs, one report a fresh process, the baseline; or measure PATHS and accept that.

    5 processes or more tell the spread between processes, from which the tolerance comes. What is slower
    than the baseline allows is refused, until an entry in accepted.toml says that it is meant.
    """
    root, settings, folder = find_project(baselines)
    require_sense(arguments, measure, keep, ())
    told = [read_reason(text) for text in reasons]
    stored, accepted = read_baselines(folder), read_accepted(folder)
    if measure:
        require_existing(arguments, stored, root)
        _refuse_dirty(read_commit(root, settings.baselines).dirty and not allow_dirty)
        with place_for(keep) as place:
            run = measure_run(Order(paths=arguments, processes=measure), settings, root, place)
    else:
        run = read_run(arguments)
    _refuse_dirty(run.commit.dirty and not allow_dirty)
    rows = excuse_rows(check_run(run, stored, ()).comparisons, accepted, date.today())
    _refuse_regressions(regressions(rows, told), folder)
    acceptance = accept(run, stored, selection_of(run, ()), prune=prune, reasons=told)
    return _write(acceptance, folder)


def _write(acceptance: Acceptance, folder: Path) -> int:
    click.echo(render_acceptance(acceptance), nl=False)
    for warning in acceptance.warnings:
        click.echo(f"warning: {warning}", err=True)
    if not acceptance.baselines:
        click.echo("NOTHING ACCEPTED: no benchmark was measured; check paths and patterns")
        return 3
    sys.stdout.flush()
    for baseline in acceptance.baselines:
        write_baseline(folder, baseline)
    written = ", ".join(str(baseline_path(folder, baseline)) for baseline in acceptance.baselines)
    click.echo(f"ACCEPTED: {written}")
    return 0


def _refuse_dirty(refused: bool) -> None:
    if refused:
        raise GateError(
            "tracked files have uncommitted changes, so no commit would stand for these numbers; "
            "commit them first, or add --allow-dirty"
        )


def _refuse_regressions(slower: str, folder: Path) -> None:
    if slower:
        raise GateError(
            f"this run is slower than its baseline allows:\n{slower}\nA refreshed number would hide that; "
            f"mend it, or say in {folder / 'accepted.toml'} how much slower it may be, why and until when",
            1,
        )
