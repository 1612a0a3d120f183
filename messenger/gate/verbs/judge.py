"""`messenger gate judge`: judges again what was measured side by side."""

from pathlib import Path
from typing import Unpack

import click

from ..lockstep.check import judge_again
from ..report import report_of
from ..source import find_sources
from .arguments import FILE, examples, find_project
from .output import Wanted, publish, reporting, require_room


@click.command(
    "judge",
    short_help="judge again what was measured side by side",
    epilog=examples(
        "messenger gate check --base origin/main --json comparison.json",
        "messenger gate judge comparison.json",
    ),
)
@click.argument("file", type=FILE, metavar="FILE")
@reporting
def command(file: Path, **wanted: Unpack[Wanted]) -> int:
    """Judge again what `check --base REF --json FILE` has measured, without measuring."""
    require_room(wanted)
    root, _, folder = find_project(None)
    verdict = judge_again(file, folder)
    sources = find_sources(root, (row.name for row in verdict.comparisons))
    return publish(report_of(verdict, sources), wanted)
