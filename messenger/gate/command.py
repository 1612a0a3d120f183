"""`messenger gate`: judges benchmarks against baselines, or makes baselines of them."""

import os
import shlex
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from math import isfinite
from pathlib import Path
from typing import Any

import click

from .accept import Acceptance, accept
from .check import check_by_measuring, check_run, measure_run, selection_of
from .circumstances import of_baselines
from .error import GateError
from .git import read_commit
from .lockstep.check import check_side_by_side, judge_again
from .lockstep.order import Order as DuelOrder
from .lockstep.self_check import render as render_self_check
from .lockstep.self_check import self_check
from .measure import Order
from .paths import relative_paths
from .process import read_report
from .publish import require_writable, write_reports
from .reports.acceptance import render_acceptance
from .reports.terminal import render_terminal
from .run import Run, combine_processes
from .settings import Settings, find_root, read_settings
from .store import baseline_path, read_baselines, write_baseline, write_whole
from .verdict import Commands, Verdict, judge

# What the processes that measure need; they would say so one by one, and late.
_NEEDED = ("pytest", "pytest_benchmark", "rich")

# \b keeps click from filling the lines that follow into a paragraph.
_WRONG_USAGE = 2
_EXITS = "Exit status: 0 yes, 1 no, 2 wrong usage or input, 3 could not tell."
_CHECK_EXAMPLES = f"""\b
Examples:
  messenger gate check --base origin/main benches --markdown comparison.md
  messenger gate check --measure 3 benches/node --markdown comparison.md
  messenger gate check run1.json run2.json run3.json --only parse

{_EXITS}"""
_JUDGE_EXAMPLES = f"""\b
Examples:
  messenger gate check --base origin/main --json comparison.json
  messenger gate judge comparison.json

{_EXITS}"""
_SELF_CHECK_EXAMPLES = f"""\b
Examples:
  messenger gate self-check --minutes 2
  messenger gate self-check --pairs 100 --burner --markdown baselines/self-check.md

{_EXITS}"""
_ACCEPT_EXAMPLES = f"""\b
Examples:
  messenger gate accept --measure 5 benches/node
  messenger gate accept run1.json run2.json run3.json run4.json run5.json --prune

{_EXITS}"""


def main(argv: Sequence[str]) -> int:
    """Run `messenger gate ...` and return its exit status: 0 yes, 1 no, 2 wrong usage, 3 could not tell."""
    for package in _NEEDED:
        if find_spec(package) is None:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    _replace_unprintable()
    _leave_tidily()
    try:
        status = int(_gate.main(list(argv), prog_name="messenger gate", standalone_mode=False) or 0)
        sys.stdout.flush()
    except GateError as error:
        sys.stderr.write(f"messenger gate: {error}\n")
        if error.exit_code != _WRONG_USAGE:
            sys.stdout.write("NOT JUDGED: the reason is on stderr.\n")
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("messenger gate: interrupted; nothing was judged\n")
        return 130
    except OSError as error:
        # A full disk, or a reader who has read enough; Python must not complain again while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.stderr.write(f"messenger gate: cannot write to stdout: {error.strerror}\n")
        return 2
    return status


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EXITS)
def _gate() -> None:
    """Judge a pytest-benchmark run against the numbers in the repository."""


def _finite(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    if value is not None and not isfinite(value):  # FloatRange lets NaN pass
        raise click.BadParameter(f"{value} is not a finite number")
    return value


def _common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the arguments that both verbs take."""
    options = (
        click.argument("arguments", nargs=-1, metavar="RUN.json... | PATHS..."),
        click.option(
            "--measure",
            type=click.IntRange(1, 1000),
            metavar="N",
            help="Measure PATHS now, in N fresh pytest processes, instead of reading reports.",
        ),
        click.option(
            "--keep", type=click.Path(path_type=Path), metavar="DIR", help="Keep what --measure wrote."
        ),
        click.option(
            "--baselines",
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="Folder of baselines. Default: `baselines` of [tool.messenger.gate], else baselines/.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@_gate.command("check", epilog=_CHECK_EXAMPLES, short_help="judge runs against the baselines")
@_common
@click.option(
    "--only",
    multiple=True,
    metavar="PATTERN",
    help="Judge only benchmarks whose full name contains PATTERN; * stands for anything. Repeatable.",
)
@click.option("--markdown", type=click.Path(path_type=Path), metavar="FILE", help="Write a markdown table.")
@click.option(
    "--json", type=click.Path(path_type=Path), metavar="FILE", help="Write JSON, times in milliseconds."
)
@click.option("--require-verdict", is_flag=True, help="Exit 3 where no baseline of this environment exists.")
@click.option(
    "--base",
    metavar="REF",
    help="Compare this checkout with the commit it left REF at, both measured now, side by side.",
)
@click.option(
    "--budget",
    type=click.FloatRange(min=1),
    callback=_finite,
    metavar="SECONDS",
    help="With --base: stop after about so long.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    callback=_finite,
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="With --base: how long a benchmark may keep the gate waiting.",
)
@click.option(
    "--spawn",
    is_flag=True,
    help="With --base: start both sides rather than fork them, for packages that do not survive a fork.",
)
@click.option(
    "--same-packages",
    is_flag=True,
    help="With --base: run the base with what is installed here, whatever it asks for.",
)
def _check(
    arguments: tuple[str, ...],
    measure: int | None,
    keep: Path | None,
    baselines: Path | None,
    only: tuple[str, ...],
    markdown: Path | None,
    json: Path | None,
    require_verdict: bool,
    base: str | None,
    budget: float | None,
    timeout: float,
    spawn: bool,
    same_packages: bool,
) -> int:
    """Judge runs, one report a fresh process, or measure PATHS and judge that.

    Measured suspects are measured again in at least 5 fresh processes before they are called regressed.
    With --base no baseline is needed: base and head run by turns, in pairs of processes that are alike.
    """
    root, settings, folder = _project(baselines)
    require_writable(markdown, json)
    if base is not None:
        if measure or keep:
            raise click.UsageError("--base measures in its own way; drop --measure and --keep")
        paths = relative_paths(arguments, Path.cwd(), root) or ()
        duel = DuelOrder(
            ref=base,
            paths=paths,
            only=only,
            budget_seconds=budget,
            timeout_seconds=timeout,
            spawn=spawn,
            same_packages=same_packages,
        )
        return _publish(check_side_by_side(duel, settings, root, folder), markdown, json)
    _require_sense(arguments, measure, keep, only)
    stored = read_baselines(folder)
    if measure:
        order = Order(paths=arguments, processes=measure, only=only)
        with _place(keep) as place:
            checked = check_by_measuring(order, settings, root, stored, place)
    else:
        checked = check_run(_read_run(arguments), stored, only)
    commands = _commands(arguments, measure, baselines, only)
    circumstances = of_baselines(checked.run, checked.baselines, checked.comparisons)
    verdict = judge(checked.comparisons, circumstances, commands, require_verdict=require_verdict)
    return _publish(verdict, markdown, json)


@_gate.command("judge", epilog=_JUDGE_EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--markdown", type=click.Path(path_type=Path), metavar="FILE", help="Write a markdown table.")
def _judge(file: Path, markdown: Path | None) -> int:
    """Judge again what `check --base REF --json FILE` has measured, without measuring."""
    _, _, folder = _project(None)
    return _publish(judge_again(file, folder), markdown, None)


@_gate.command("self-check", epilog=_SELF_CHECK_EXAMPLES)
@click.option("--pairs", type=click.IntRange(min=2), metavar="N", help="Compare N pairs of commits.")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    callback=_finite,
    metavar="M",
    help="Stop after about M minutes.",
)
@click.option("--burner", is_flag=True, help="Use the cores up at random meanwhile.")
@click.option("--spawn", is_flag=True, help="Start both sides of a pair, rather than fork them.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a line a comparison, and count those that FILE holds already.",
)
@click.option("--markdown", type=click.Path(path_type=Path), metavar="FILE", help="Write the table.")
def _self_check(
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
    text = render_self_check(summary)
    if markdown is not None:
        write_whole(markdown, text)
    click.echo(text, nl=False)
    passed = not summary.false_alarms
    click.echo("PASSED: no harmless edit was called a regression." if passed else "FAILED: see above.")
    return 0 if passed else 1


def _publish(verdict: Verdict, markdown: Path | None, json: Path | None) -> int:
    write_reports(verdict, markdown=markdown, json=json)
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    click.echo(render_terminal(verdict, width=_width(), colour=colour), nl=False, color=colour)
    return verdict.exit_code


@_gate.command("accept", epilog=_ACCEPT_EXAMPLES, short_help="make runs the baseline")
@_common
@click.option("--allow-dirty", is_flag=True, help="Accept a run of uncommitted changes.")
@click.option("--prune", is_flag=True, help="Drop rows of the measured paths that the run does not contain.")
def _accept(
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
    root, settings, folder = _project(baselines)
    _require_sense(arguments, measure, keep, ())
    stored = read_baselines(folder)
    if measure:
        _refuse_dirty(read_commit(root, settings.baselines).dirty and not allow_dirty)
        with _place(keep) as place:
            run = measure_run(Order(paths=arguments, processes=measure), settings, root, place)
    else:
        run = _read_run(arguments)
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


def _project(baselines: Path | None) -> tuple[Path, Settings, Path]:
    root = find_root(Path.cwd())
    settings = read_settings(root)
    return root, settings, baselines or root / settings.baselines


def _require_sense(
    arguments: tuple[str, ...], measure: int | None, keep: Path | None, only: tuple[str, ...]
) -> None:
    if measure is None and not arguments:
        raise click.UsageError("name at least one RUN.json, or measure now: --measure 3 PATHS")
    if measure is None and keep is not None:
        raise click.UsageError("--keep DIR keeps what --measure N wrote; add --measure N, or drop it")
    if not all(only):
        raise click.UsageError("--only '' selects everything; drop it, or name a part of a benchmark's name")
    for argument in arguments if measure else ():
        if argument.endswith(".json") and Path(argument).is_file():
            raise click.UsageError(f"{argument} is a report, and --measure takes PATHS; drop one of the two")


def _read_run(paths: tuple[str, ...]) -> Run:
    return combine_processes([read_report(Path(path)) for path in paths])


def _refuse_dirty(refused: bool) -> None:
    if refused:
        raise GateError(
            "tracked files have uncommitted changes, so no commit would stand for these numbers; "
            "commit them first, or add --allow-dirty"
        )


@contextmanager
def _place(keep: Path | None) -> Iterator[Path]:
    """Give a folder for what is measured: *keep*, or one that is removed in the end."""
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


def _commands(
    arguments: tuple[str, ...], measure: int | None, baselines: Path | None, only: tuple[str, ...]
) -> Commands:
    where = ["--baselines", str(baselines)] if baselines else []
    narrowed = [f"--only={pattern}" for pattern in only]
    check, accepting = ["messenger", "gate", "check"], ["messenger", "gate", "accept"]
    if measure is None:
        return Commands(
            reproduce=shlex.join([*check, *arguments, *where, *narrowed]),
            accept=shlex.join([*accepting, *arguments, *where]),
        )
    return Commands(
        reproduce=shlex.join([*check, "--measure", str(measure), *arguments, *where, *narrowed]),
        accept=shlex.join([*accepting, "--measure", str(max(measure, 5)), *arguments, *where]),
    )


def _width() -> int | None:
    """Return the columns to draw in; None, as wide as needed, where nobody said how wide the output is."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else None


def _leave_tidily() -> None:
    """Let a closed terminal or a polite kill unwind everything: processes, worktrees, temporary folders."""
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            if (number := getattr(signal, name, None)) is not None:
                signal.signal(number, _leave)


def _leave(number: int, _frame: object) -> None:
    sys.stderr.write("messenger gate: terminated; nothing was judged\n")
    raise SystemExit(128 + number)


def _replace_unprintable() -> None:
    """Write `?` for what the terminal's encoding lacks; a check mark must not end a gate with a traceback."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
