"""`messenger gate doctor`: says what makes this machine noisy."""

from pathlib import Path

import click
import msgspec

from ..doctor import prerequisites, render_doctor, symptoms
from ..facts import read_facts, take_pulse
from ..store import write_whole
from .arguments import FILE, examples, find_project, finite


@click.command(
    "doctor",
    short_help="say what makes this machine noisy, and what to do",
    epilog=examples("messenger gate doctor", "messenger gate doctor --seconds 10 --json doctor.json"),
)
@click.option(
    "--seconds",
    type=click.FloatRange(0.1, 600),
    callback=finite,
    default=3.0,
    show_default=True,
    metavar="S",
    help="How long to watch the machine.",
)
@click.option("--json", type=FILE, metavar="FILE", help="Write the findings as JSON.")
def command(seconds: float, json: Path | None) -> int:
    """Look at the machine, watch it for a while, and say what disturbs measurements and what to do.

    Exit status 1 when there is something to do.
    """
    root, _, _ = find_project(None)
    click.echo(f"Watching this machine for {seconds:g} s.", err=True)
    found = (*prerequisites(read_facts(root)), *symptoms(take_pulse(seconds)))
    if json is not None:
        write_whole(json, msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")
    click.echo(render_doctor(found), nl=False)
    return 0 if all(one.met for one in found) else 1
