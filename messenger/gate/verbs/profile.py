"""`messenger gate profile`: shows where the time of a benchmark goes."""

from importlib.util import find_spec
from pathlib import Path

import click

from ..archive import archive_of
from ..error import GateError
from ..lockstep.order import Order
from ..lockstep.profile import profile_sides
from ..publish import require_writable
from ..reports.profile import render_profile
from .arguments import FILE, examples, find_project, finite


@click.command(
    "profile",
    short_help="show where the time of a benchmark goes, on both sides",
    epilog=examples(
        "messenger gate profile 'bench_parse[128B-typed]' --base origin/main",
        "messenger gate profile bench_route --seconds 5 --output profiles",
    ),
)
@click.argument("name")
@click.option("--base", metavar="REF", help="Profile the commit that this checkout left REF at as well.")
@click.option(
    "--seconds",
    type=click.FloatRange(0.01, 600),
    callback=finite,
    default=2.0,
    show_default=True,
    metavar="S",
    help="About how long each side runs.",
)
@click.option(
    "--output",
    type=FILE,
    metavar="DIR",
    help="Where the profiles go. Default: profiles/ in the folder that keeps checks.",
)
def command(name: str, base: str | None, seconds: float, output: Path | None) -> int:
    """Sample the stack while the benchmark called NAME, or by a part of it, runs; write files for speedscope.

    With --base both sides run as often, and the functions that differ most are listed first.
    """
    if find_spec("pyinstrument") is None:
        raise ModuleNotFoundError("No module named 'pyinstrument'", name="pyinstrument")
    root, settings, _ = find_project(None)
    folder = (output or (archive_of(root, settings) or root) / "profiles").absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        require_writable(folder / "head.speedscope.json")
    except OSError as error:
        raise GateError(
            f"cannot write profiles to {folder}: {error.strerror}; name a folder with --output"
        ) from error
    file = name.partition("::")[0]
    paths = (file,) if "::" in name and (root / file).exists() else settings.paths
    order = Order(ref=base or "HEAD", paths=paths, only=(name,))
    full, profiles = profile_sides(order, settings, root, folder, seconds, alone=base is None)
    click.echo(render_profile(full, profiles), nl=False)
    return 0
