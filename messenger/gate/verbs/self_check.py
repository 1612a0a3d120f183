"""`messenger gate self-check`: the gate judges code whose speed is known."""

from pathlib import Path

import click

from ..lockstep.self_check import render, self_check
from ..publish import require_writable
from ..store import write_whole
from .arguments import FILE, examples, finite


@click.command(
    "self-check",
    short_help="let the gate judge code whose speed is known",
    epilog=examples(
        "messenger gate self-check --minutes 2",
        "messenger gate self-check --pairs 100 --burner --markdown baselines/self-check.md",
    ),
)
@click.option("--pairs", type=click.IntRange(min=2), metavar="N", help="Compare N pairs of commits.")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    callback=finite,
    metavar="M",
    help="Stop after about M minutes.",
)
@click.option("--burner", is_flag=True, help="Use the cores up at random meanwhile.")
@click.option("--spawn", is_flag=True, help="Start both sides of a pair, rather than fork them.")
@click.option(
    "--keep",
    type=FILE,
    metavar="FILE",
    help="Write a line a comparison, and count those that FILE holds already.",
)
@click.option("--markdown", type=FILE, metavar="FILE", help="Write the table.")
def command(
    pairs: int | None,
    minutes: float | None,
    burner: bool,
    spawn: bool,
    keep: Path | None,
    markdown: Path | None,
) -> int:
    """Let `check --base` judge commits whose speed is known, and say how often it is right.

    Exit status 1 when a harmless edit was called a regression.
    """
    if pairs is None and minutes is None:
        raise click.UsageError("say for how long: --pairs N or --minutes M")
    require_writable(markdown, keep)
    summary = self_check(pairs, minutes, burning=burner, spawning=spawn, keep=keep)
    text = render(summary)
    if markdown is not None:
        write_whole(markdown, text)
    click.echo(text, nl=False)
    passed = not summary.false_alarms
    click.echo("PASSED: no harmless edit was called a regression." if passed else "FAILED: see above.")
    return 0 if passed else 1
