"""`messenger gate bisect`: finds the commit that made a benchmark slower."""

from pathlib import Path

import click

from ..error import GateError
from ..git import subject_of
from ..lockstep.bisect import Step, bisect
from ..report import Report
from ..reports.words import plain
from ..selection import matches_any
from .arguments import FILE, examples, find_project
from .report import read_report


@click.command(
    "bisect",
    short_help="find the commit that made a benchmark slower",
    epilog=examples(
        "messenger gate bisect 'benches/bench_parse.py::bench_parse[128B]' --good v1.0 --bad HEAD",
        "messenger gate bisect bench_parse --good HEAD~20",
    ),
)
@click.argument("name")
@click.option("--good", required=True, metavar="REF", help="A commit at which it was fast.")
@click.option("--bad", default="HEAD", show_default=True, metavar="REF", help="A commit at which it is slow.")
@click.option(
    "--report",
    "file",
    type=FILE,
    metavar="REPORT.json",
    help="Where a part of a name is looked up. Default: the last check of this project.",
)
def command(name: str, good: str, bad: str, file: Path | None) -> int:
    """Halve the commits between GOOD and BAD until one is left, each measured side by side with GOOD.

    NAME is a full name, or a part of one that the last check knows. The benchmarks are those of the checkout
    for all commits; what cannot be built or run is left out.
    """
    root, settings, _ = find_project(None)
    whole = "::" in name and (root / name.partition("::")[0]).exists()
    full = name if whole else _full_name(name, read_report(file))
    culprit = bisect(full, good, bad, settings, root, _tell)
    step = culprit.step
    click.echo(f"{step.sha[:12]} {plain(subject_of(root, step.sha))}")
    click.echo(f"  {_told(step)}, of {_told(culprit.whole)} in all")
    if culprit.unmeasured:
        click.echo(f"  or one of these, which could not be measured: {' '.join(culprit.unmeasured)}")
    click.echo(f"FOUND: {plain(full)} got slower at {step.sha[:12]}.")
    return 0


def _full_name(part: str, report: Report) -> str:
    found = [result.name for result in report.results if matches_any([part], result.name)]
    if len(found) != 1:
        some = ": " + ", ".join(found[:3]) if found else ""
        raise GateError(
            f"{part!r} is part of {len(found)} names in the last check{some}; write the full name"
        )
    return found[0]


def _tell(step: Step) -> None:
    click.echo(f"{step.sha[:12]} against {step.against[:12]}: {_told(step)}", err=True)


def _told(step: Step) -> str:
    if step.judged is None:
        return f"left out: {plain(step.trouble)}"
    low, high = (f"{bound * 100:+.1f}" for bound in step.judged.interval)
    return f"{step.judged.change * 100:+.1f} % [{low}, {high}]"
