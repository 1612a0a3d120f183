"""`messenger gate accept`: makes runs the baseline."""

import sys
from pathlib import Path

import click

from ..accept import Acceptance, accept
from ..check import measure_run, selection_of
from ..error import GateError
from ..git import read_commit
from ..measure import Order
from ..reports.acceptance import render_acceptance
from ..store import baseline_path, read_baselines, write_baseline
from .arguments import examples, find_project, measuring, place_for, read_run, require_sense


@click.command(
    "accept",
    short_help="make runs the baseline",
    epilog=examples(
        "messenger gate accept --measure 5 benches/node",
        "messenger gate accept run1.json run2.json run3.json run4.json run5.json --prune",
    ),
)
@measuring
@click.option("--allow-dirty", is_flag=True, help="Accept a run of uncommitted changes.")
@click.option("--prune", is_flag=True, help="Drop rows of the measured paths that the run does not contain.")
def command(
    arguments: tuple[str, ...],
    measure: int | None,
    keep: Path | None,
    baselines: Path | None,
    allow_dirty: bool,
    prune: bool,
) -> int:
    """Make runs, one report a fresh process, the baseline; or measure PATHS and accept that.

    5 processes or more tell the spread between processes, from which the tolerance comes.
    """
    root, settings, folder = find_project(baselines)
    require_sense(arguments, measure, keep, ())
    stored = read_baselines(folder)
    if measure:
        _refuse_dirty(read_commit(root, settings.baselines).dirty and not allow_dirty)
        with place_for(keep) as place:
            run = measure_run(Order(paths=arguments, processes=measure), settings, root, place)
    else:
        run = read_run(arguments)
    _refuse_dirty(run.commit.dirty and not allow_dirty)
    acceptance = accept(run, stored, selection_of(run, ()), prune=prune)
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
