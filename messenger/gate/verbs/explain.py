"""`messenger gate explain`: why a verdict is what it is."""

from pathlib import Path

import click

from ..error import GateError
from ..explain import explain
from ..selection import matches_any
from .arguments import FILE, examples
from .report import read_report

_MOST = 5


@click.command(
    "explain",
    short_help="say why a benchmark was judged as it was",
    epilog=examples(
        "messenger gate explain bench_parse",
        "messenger gate explain 'bench_parse[128B*typed]' --report report.json",
    ),
)
@click.argument("name")
@click.option(
    "--report",
    "file",
    type=FILE,
    metavar="REPORT.json",
    help="What to explain. Default: the last check of this project.",
)
def command(name: str, file: Path | None) -> int:
    """Say in sentences why the benchmarks whose full names contain NAME were judged as they were."""
    report = read_report(file)
    found = [result for result in report.results if matches_any([name], result.name)]
    if not found:
        raise GateError(
            f"no benchmark's name contains {name!r}; the report has {len(report.results)} others", 3
        )
    click.echo("\n".join(explain(report, result) for result in found[:_MOST]), nl=False)
    if len(found) > _MOST:
        click.echo(f"\n... and {len(found) - _MOST} more; write more of the name")
    return 0
