"""Arguments: what several verbs take, and what makes no sense of it."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import Any

import click

from ..baseline import Baseline
from ..error import GateError
from ..paths import existing_paths, relative_paths
from ..process import read_process
from ..run import Run, combine_processes
from ..selection import Selection, selects
from ..settings import Settings, find_root, read_settings

EXITS = "Exit status: 0 yes, 1 no, 2 wrong usage or input, 3 could not tell."

FILE = click.Path(path_type=Path)


def examples(*lines: str) -> str:
    r"""Write the epilog of a verb; \b keeps click from filling the lines that follow into a paragraph."""
    return "\b\nExamples:\n" + "".join(f"  {line}\n" for line in lines) + f"\n{EXITS}"


def finite(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """Refuse what is no finite number: FloatRange lets NaN pass."""
    if value is not None and not isfinite(value):
        raise click.BadParameter(f"{value} is not a finite number")
    return value


def measuring(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what takes runs: their reports, or paths to measure now."""
    options = (
        click.argument("arguments", nargs=-1, metavar="RUN.json... | PATHS..."),
        click.option(
            "--measure",
            type=click.IntRange(1, 1000),
            metavar="N",
            help="Measure PATHS now, in N fresh pytest processes, instead of reading reports.",
        ),
        click.option("--keep", type=FILE, metavar="DIR", help="Keep what --measure wrote."),
        click.option(
            "--baselines",
            type=FILE,
            metavar="DIR",
            help="Folder of baselines. Default: `baselines` of [tool.messenger.gate], else baselines/.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def reporting(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the files that a report can be written to; a verb gets them by format, see `publish`."""
    files = {
        "markdown": "Write a markdown table, cut to what a comment on GitHub holds.",
        "json": "Write the report as JSON, times in milliseconds.",
        "csv": "Write a table for spreadsheets.",
        "junit": "Write JUnit XML, a test case a benchmark.",
    }
    options = [
        click.option(f"--{name}", type=FILE, metavar="FILE", help=text) for name, text in files.items()
    ]
    options.append(
        click.option(
            "--html", type=FILE, metavar="DIR", help="Write pages that open without network or server."
        )
    )
    options.append(
        click.option("--step-summary", is_flag=True, help="Add the table to the page of this GitHub job.")
    )
    for option in reversed(options):
        command = option(command)
    return command


def find_project(baselines: Path | None) -> tuple[Path, Settings, Path]:
    """Return the project's root, its settings, and its folder of baselines unless *baselines* names another.

    Raises:
        GateError: pyproject.toml cannot be read.
    """
    root = find_root(Path.cwd())
    settings = read_settings(root)
    return root, settings, baselines or root / settings.baselines


def require_sense(
    arguments: tuple[str, ...], measure: int | None, keep: Path | None, only: tuple[str, ...]
) -> None:
    """Refuse runs without a report, and paths that are reports.

    Raises:
        click.UsageError: the arguments contradict each other.
    """
    if measure is None and not arguments:
        raise click.UsageError("name at least one RUN.json, or measure now: --measure 3 PATHS")
    if measure is None and keep is not None:
        raise click.UsageError("--keep DIR keeps what --measure N wrote; add --measure N, or drop it")
    if not all(only):
        raise click.UsageError("--only '' selects everything; drop it, or name a part of a benchmark's name")
    for argument in arguments if measure else ():
        if argument.endswith(".json") and Path(argument).is_file():
            raise click.UsageError(f"{argument} is a report, and --measure takes PATHS; drop one of the two")


def require_existing(paths: Sequence[str], stored: Sequence[Baseline], root: Path) -> None:
    """Refuse a path that neither exists nor ever had a benchmark: it is mistyped, and would measure nothing.

    Raises:
        click.UsageError: there is such a path.
    """
    known = [row.name for baseline in stored for row in baseline.benchmarks]
    for path in paths:
        relative = relative_paths([path], Path.cwd(), root)
        if relative is None or existing_paths([path], Path.cwd()):
            continue
        if not any(selects(Selection(paths=relative), name) for name in known):
            raise click.UsageError(f"there is no {path}, and no baseline knows it; check the path")


def read_run(paths: tuple[str, ...]) -> Run:
    """Read the reports of the processes of one run.

    Raises:
        GateError: a report cannot be read, or two do not belong together.
    """
    return combine_processes([read_process(Path(path)) for path in paths])


@contextmanager
def place_for(keep: Path | None) -> Iterator[Path]:
    """Give a folder for what is measured: *keep*, or one that is removed in the end.

    Raises:
        GateError: *keep* cannot be made.
    """
    if keep is not None:
        try:
            keep.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise GateError(
                f"cannot keep reports in {keep}: {error.strerror}; choose another folder"
            ) from error
        yield keep.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="messenger-gate-") as folder:
        yield Path(folder)
