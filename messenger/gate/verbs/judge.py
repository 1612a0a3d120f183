"""`messenger gate judge`: judges again what was measured side by side."""

from pathlib import Path

import click

from ..lockstep.check import judge_again
from ..report import report_of
from ..source import find_sources
from .arguments import FILE, examples, find_project
from .output import publish


@click.command(
    "judge",
    short_help="judge again what was measured side by side",
    epilog=examples(
        "messenger gate check --base origin/main --json comparison.json",
        "messenger gate judge comparison.json",
    ),
)
@click.argument("file", type=FILE, metavar="FILE")
@click.option("--markdown", type=FILE, metavar="FILE", help="Write a markdown table.")
def command(file: Path, markdown: Path | None) -> int:
    """Judge again what `check --base REF --json FILE` has measured, without measuring."""
    root, _, folder = find_project(None)
    verdict = judge_again(file, folder)
    sources = find_sources(root, (row.name for row in verdict.comparisons))
    return publish(report_of(verdict, sources), markdown=markdown)
