"""`messenger bus latency`: how long messages take, to the last of them."""

import sys
from collections.abc import Iterator, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, TextIO

import click

from ..connect import connect
from ..latency.hgrm import render_hgrm
from ..latency.json_report import render_json
from ..latency.measure import Run, measure
from ..latency.plan import PAYLOAD_BYTES_MOST, STAMP_BYTES, Plan, Reader
from ..latency.plot import render_plot
from ..latency.table import build_table, floor_name, name_of, verdict_line
from ..latency.verdict import LIMIT_US, Verdict, judge, overall

_FILE = click.Path(path_type=Path, dir_okay=False)
_WIDTH_MOST = 500  # columns
_MESSAGES_MOST = 10_000_000  # of a run; each takes 8 bytes, and 48 more while they are sorted
_EPILOG = """\b
Examples:
  messenger bus latency inproc://here --rate 10000 --seconds 10 --payload 128
  messenger bus latency nats://127.0.0.1:4222 --rate 1000 --rate 10000 --rate 50000 --json tail.json
  messenger bus latency zmq+ipc:///tmp/bus --round-trip --plot tail.svg --hgrm tail.hgrm

Exit status: 0 the tail is short enough, 1 it is not, 2 wrong usage or input, 3 nothing was received."""


def _finite(_ctx: click.Context, _param: click.Parameter, value: float) -> float:
    if not isfinite(value):
        raise click.BadParameter(f"{value} is not a finite number")
    return value


def _finite_or_none(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    return None if value is None else _finite(context, parameter, value)


@click.command("latency", short_help="measure the tail, beside the machine's own hiccups", epilog=_EPILOG)
@click.argument("url")
@click.option(
    "--rate",
    "rates",
    type=click.IntRange(1, 10_000_000),
    multiple=True,
    default=(10_000,),
    metavar="N",
    help="Messages a second, of all publishers together; again for one row each. Default: 10000.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0.01, 86_400),
    callback=_finite,
    default=10.0,
    show_default=True,
    metavar="S",
    help="How long to measure, after half a second of warm-up that does not count.",
)
@click.option(
    "--payload",
    "payload_bytes",
    type=click.IntRange(STAMP_BYTES, PAYLOAD_BYTES_MOST),
    default=128,
    show_default=True,
    metavar="BYTES",
    help=f"Bytes a message, {STAMP_BYTES} at least: each carries the time at which it was to be sent.",
)
@click.option(
    "--publishers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    metavar="N",
    help="They take turns.",
)
@click.option(
    "--subscribers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    metavar="N",
    help="Each receives every message.",
)
@click.option("--round-trip", is_flag=True, help="Add requests, one after the other, beside bare pipes.")
@click.option(
    "--reader",
    type=click.Choice(["thread", "loop"]),
    help="What messages are read in. Default: thread for inproc://, an event loop elsewhere.",
)
@click.option(
    "--busy",
    type=click.IntRange(0, 64),
    default=0,
    metavar="N",
    help="Threads that compute, and hold the GIL, beside each subscriber.",
)
@click.option(
    "--switch-interval",
    "switch_interval_seconds",
    type=click.FloatRange(1e-6, 1),
    callback=_finite_or_none,
    metavar="S",
    help="After how long they give it up: sys.setswitchinterval, Python's 0.005 otherwise.",
)
@click.option(
    "--max-p99-us",
    type=click.FloatRange(min=0, min_open=True),
    callback=_finite,
    default=LIMIT_US,
    show_default=True,
    metavar="US",
    help="The p99 to stay under, in microseconds; beyond 1 ms the p99.9 may take as long.",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Write an object, or an array when there are several rows; - is stdout.",
)
@click.option(
    "--hgrm", type=_FILE, metavar="FILE", help="Write HdrHistogram text, and that of the floor beside it."
)
@click.option("--plot", type=_FILE, metavar="FILE", help="Draw the percentiles as an SVG.")
def command(
    url: str,
    rates: tuple[int, ...],
    round_trip: bool,
    reader: Reader | None,
    max_p99_us: float,
    json_file: Path | None,
    hgrm: Path | None,
    plot: Path | None,
    **sizes: Any,
) -> int:
    """Measure how long messages take over the bus at URL, which has to be served already.

    Publishers send at a fixed rate, whatever becomes of the messages, and latency counts from when each was
    to be sent: a stall delays all that it holds up, and is counted as often. Percentiles are exact. A process
    that only sleeps and looks at the clock shows what the machine does on its own, at the same times.

    PASSED means: p99 under 1 ms, p99.9 under 1 ms or 1.5 x that of the hiccup floor, nothing lost.
    """
    connect(url)  # what is wrong with it, or not installed, is told before anything is started
    plans = [*_plans(url, rates, round_trip, reader, sizes)]
    _require_sense(plans, [file for file in (json_file, hgrm, plot) if file])
    judged: list[tuple[Run, Verdict]] = []
    try:
        for plan in plans:
            run = _measure(plan)
            judged.append((run, judge(run, max_p99_us)))
    finally:  # what was measured is told, whatever became of the rest
        if judged:
            _tell(judged, json_file, hgrm, plot)
    return overall([verdict for _, verdict in judged])


def _plans(
    url: str, rates: tuple[int, ...], round_trip: bool, reader: Reader | None, sizes: dict[str, Any]
) -> Iterator[Plan]:
    if reader is None:
        reader = "thread" if url.startswith("inproc:") else "loop"
    for rate in rates:
        yield Plan(url=url, rate=rate, reader=reader, **sizes)
    if round_trip:
        sizes |= {"publishers": 1, "subscribers": 1}
        yield Plan(url=url, mode="round-trip", reader=reader, **sizes)


def _require_sense(plans: Sequence[Plan], files: Sequence[Path]) -> None:
    """Refuse what would fail only after all has been measured."""
    for plan in plans:
        if plan.messages * plan.subscribers > _MESSAGES_MOST:
            raise click.UsageError(
                f"{plan.rate:,} messages/s for {plan.seconds:g} s to {plan.subscribers} are more than the "
                f"{_MESSAGES_MOST:,} that are recorded; ask for fewer"
            )
    for file in files:
        if str(file) != "-" and not file.absolute().parent.is_dir():
            raise click.UsageError(f"cannot write {file}: there is no folder {file.parent}; make it first")


def _measure(plan: Plan) -> Run:
    # No progress bar: in process it would fight for the GIL with what is measured.
    click.echo(f"Measuring {name_of(plan)} for {plan.seconds:g} s.", err=True)
    return measure(plan)


def _tell(
    judged: Sequence[tuple[Run, Verdict]], json_file: Path | None, hgrm: Path | None, plot: Path | None
) -> None:
    _show(judged, sys.stderr if str(json_file) == "-" else sys.stdout)
    if json_file is not None:
        _write(json_file, render_json(judged))
    for run, _ in judged:
        if run.received:
            _draw(run, hgrm, plot, several=len(judged) > 1)


def _show(judged: Sequence[tuple[Run, Verdict]], stream: TextIO) -> None:
    from rich.console import Console
    from rich.measure import Measurement

    console = Console(file=stream, highlight=False)
    table = build_table([run for run, _ in judged])
    # A number cut short is a wrong number; a line too long for the terminal is only ugly.
    unbounded = console.options.update(max_width=_WIDTH_MOST)
    console.width = max(console.width, Measurement.get(console, unbounded, table).maximum)
    console.print(table)
    for run, verdict in judged:
        console.print(verdict_line(run, verdict), soft_wrap=True)


def _draw(run: Run, hgrm: Path | None, plot: Path | None, *, several: bool) -> None:
    """Write the files of one run; of several, each with the run in its name."""
    run_name = name_of(run.plan).replace("/s", "").replace(",", "").replace(" ", "-")

    def named(file: Path, *words: str) -> Path:
        return file.with_stem("-".join((file.stem, *([run_name] if several else []), *words)))

    floors = {kind: floor for kind, floor in run.floors.items() if len(floor)}
    if hgrm is not None:
        _write(named(hgrm), render_hgrm(run.latencies))
        for kind, floor in floors.items():
            _write(named(hgrm, kind), render_hgrm(floor))
    if plot is not None:
        title = f"{run.plan.url}, {name_of(run.plan)}, {run.plan.payload_bytes:,} B"
        lines = {run.plan.mode: run.latencies} | {floor_name(kind): floor for kind, floor in floors.items()}
        _write(named(plot), render_plot(title, lines))


def _write(file: Path, text: str) -> None:
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    try:
        file.write_text(text)
    except OSError as error:
        raise click.FileError(str(file), f"{error.strerror}; choose another place") from error
