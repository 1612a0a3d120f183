"""`messenger gate history`: what benchmarks took, commit by commit."""

from collections.abc import Iterable
from pathlib import Path

import click
import msgspec

from ..error import GateError
from ..history import History, creeps, trends_of
from ..machine import capture
from ..reports.history import render_history
from ..selection import matches_any
from ..store import write_whole
from ..trends import find_anchor, read_history
from .arguments import FILE, examples, find_project


@click.command(
    "history",
    short_help="show what benchmarks took, commit by commit",
    epilog=examples(
        "messenger gate history",
        "messenger gate history bench_parse --anchor v1.0",
        "messenger gate history --reports tmp/benchmarks --json trends.json",
    ),
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--baselines",
    type=FILE,
    metavar="DIR",
    help="Folder of baselines. Default: `baselines` of [tool.messenger.gate], else baselines/.",
)
@click.option("--reports", type=FILE, metavar="DIR", help="Add the values of the reports in DIR.")
@click.option(
    "--anchor",
    metavar="REF",
    help="Measure slow creep from this release. Default: `anchor` in pyproject.toml, else the last tag.",
)
@click.option(
    "--fail-on-creep", is_flag=True, help="Exit 1 where something crept 5 % or more by steps that all passed."
)
@click.option("--json", type=FILE, metavar="FILE", help="Write the trends as JSON.")
def command(
    names: tuple[str, ...],
    baselines: Path | None,
    reports: Path | None,
    anchor: str | None,
    fail_on_creep: bool,
    json: Path | None,
) -> int:
    """Show the trends of the benchmarks whose full names contain NAME, as the committed baselines tell them.

    A change point is where the level changed by more than noise explains. Numbers of different environments
    are listed apart, for they cannot be compared.
    """
    root, settings, folder = find_project(baselines)
    history, warnings = read_history(root, folder, reports)
    trends = [
        trend
        for trend in trends_of(history, find_anchor(root, anchor or settings.anchor))
        if not names or matches_any(names, trend.name)
    ]
    if not trends:
        raise GateError(_nothing(folder, names, history), 3)
    if json is not None:
        write_whole(json, msgspec.json.format(msgspec.json.encode(trends), indent=2).decode() + "\n")
    click.echo(render_history(trends, capture(settings.packages).slug, warnings), nl=False)
    return 1 if fail_on_creep and any(map(creeps, trends)) else 0


def _nothing(folder: Path, names: Iterable[str], history: History) -> str:
    if history:
        return (
            f"no benchmark's name contains {' or '.join(map(repr, names))}; {len(history)} others are known"
        )
    return (
        f"no baseline was ever committed in {folder}; make one with: messenger gate accept --measure 5 PATHS"
    )
