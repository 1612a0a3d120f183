"""`messenger maelstrom`: tests nodes in any language on a simulated network."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

import click

from .consistency import MODELS
from .nemesis import FaultKind
from .network import LatencyDistribution
from .report import render_history, render_json, render_text
from .run import Record, run
from .settings import Settings
from .topologies import TOPOLOGIES
from .verdict import judge
from .workloads.registry import WORKLOADS
from .workloads.workload import Options

_EXITS = "Exit status: 0 passed, 1 anomalies, 2 wrong usage, 3 could not tell."
_TEST_EXAMPLES = f"""\b
Examples:
  messenger maelstrom test -w echo --node-count 1 --time-limit 2 -- messenger node echo
  messenger maelstrom test -w broadcast --time-limit 20 --rate 100 --latency 100 \\
    --nemesis partition --availability total -- ./broadcast.py

{_EXITS}"""


def main(argv: Sequence[str]) -> int:
    """Run `messenger maelstrom ...`; exit codes: 0 passed, 1 anomalies, 2 wrong usage, 3 could not tell."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="replace")  # a node's words may have letters that the terminal lacks
    try:
        code = _maelstrom.main(list(argv), prog_name="messenger maelstrom", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return 2
    except _Ended as error:
        sys.stderr.write(f"messenger maelstrom: ended by {error.signal.name}; nothing was judged\n")
        return 128 + error.signal
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("messenger maelstrom: interrupted; nothing was judged\n")
        return 130
    except OSError as error:
        # A full disk, or a reader who has read enough; Python must not complain again while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.stderr.write(f"messenger maelstrom: cannot write the results: {error.strerror}\n")
        return 2
    return int(code or 0)


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EXITS)
def _maelstrom() -> None:
    """Test Maelstrom nodes, in any language, without Java."""


class _Finite(click.FloatRange):
    """A number in a range, which NaN and infinity are not, though they pass for it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read *value* as a number."""
        number = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


def _clients(ctx: click.Context, param: click.Parameter, value: str) -> str:
    digits = value.removesuffix("n")
    if not (digits.isascii() and digits.isdecimal()) or not 1 <= int(digits) <= 10_000:
        raise click.BadParameter(f"{value!r} is not a number of clients; write 10, or 2n for two a node")
    return value


def _workload(ctx: click.Context, param: click.Parameter, value: str) -> str:
    name = value.replace("_", "-")
    if name not in WORKLOADS:
        raise click.BadParameter(f"no workload is called {value!r}; there are {', '.join(WORKLOADS)}")
    return name


@_maelstrom.command("test", epilog=_TEST_EXAMPLES, short_help="test a node with a workload")
@click.option(
    "-w", "--workload", required=True, callback=_workload, metavar="NAME", help=f"{', '.join(WORKLOADS)}."
)
@click.option(
    "--node-count", type=click.IntRange(1, 100), default=5, show_default=True, help="How many nodes to run."
)
@click.option(
    "--time-limit",
    type=_Finite(min=0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long clients make requests.",
)
@click.option(
    "--rate",
    type=_Finite(min=0),
    default=5.0,
    show_default=True,
    metavar="PER_SECOND",
    help="Requests per second, of all clients together.",
)
@click.option(
    "--concurrency",
    callback=_clients,
    default="1n",
    show_default=True,
    metavar="CLIENTS",
    help="How many clients; 2n is two a node.",
)
@click.option(
    "--latency",
    type=_Finite(min=0),
    default=0.0,
    show_default=True,
    metavar="MS",
    help="Mean latency between servers; clients have none.",
)
@click.option(
    "--latency-dist",
    type=click.Choice([one.value for one in LatencyDistribution]),
    default="constant",
    show_default=True,
    help="How latencies spread around their mean.",
)
@click.option(
    "--loss",
    type=_Finite(0, 1),
    default=0.0,
    show_default=True,
    metavar="FRACTION",
    help="How many of the messages between servers get lost.",
)
@click.option(
    "--nemesis",
    multiple=True,
    type=click.Choice([one.value for one in FaultKind]),
    help="A kind of fault to inject. Repeatable.",
)
@click.option(
    "--nemesis-interval",
    type=_Finite(min=0.01),  # all faults are planned before the first
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a fault lasts, and how long there is none, on average.",
)
@click.option(
    "--recovery-time",
    type=_Finite(min=0),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long nodes may take in the end to agree.",
)
@click.option(
    "--availability", type=click.Choice(["total"]), help="Fail when an operation gets no answer, even so."
)
@click.option(
    "--topology",
    type=click.Choice([*TOPOLOGIES]),
    default="grid",
    show_default=True,
    help="What broadcast nodes are told of their neighbours.",
)
@click.option(
    "--consistency-models",
    type=click.Choice([*MODELS]),
    default="read-committed",
    show_default=True,
    help="What transactions promise.",
)
@click.option(
    "--seed",
    type=int,
    metavar="N",
    help="Repeats what chance decided; the timing is the machine's. Default: by chance.",
)
@click.option("--json", type=click.Path(path_type=Path), metavar="FILE", help="Write the results as JSON.")
@click.option(
    "--log",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep the stderr of each node and the history.",
)
@click.argument("command", nargs=-1, required=True, metavar="-- COMMAND...")
def _test(workload: str, concurrency: str, json: Path | None, log: Path | None, **chosen: Any) -> int:
    """Start nodes by running COMMAND, without arguments added, and see if they do as they should."""
    settings = _settings(workload, concurrency, **chosen)
    if json is not None:
        _require_writable(json)
    drawn = WORKLOADS[workload](
        Random(f"{settings.seed}/workload"),
        Options(
            nodes=settings.nodes,
            topology=settings.topology,
            consistency_model=settings.consistency_model,
        ),
    )
    with _folder(log, settings.nodes) as folder:
        record = _run_tidily(lambda: run(settings, drawn, folder, _say))
        if log is not None:
            (folder / "history.jsonl").write_text(render_history(record.operations))
    _say(f"checking {len(record.operations)} operations")
    verdict = judge(record, settings, drawn)
    if json is not None:
        json.write_bytes(render_json(verdict))
    click.echo(render_text(verdict), nl=False)
    return verdict.exit_code


def _settings(workload: str, concurrency: str, **chosen: Any) -> Settings:
    count = chosen["node_count"]
    clients = int(concurrency[:-1]) * count if concurrency.endswith("n") else int(concurrency)
    seed = chosen["seed"]
    return Settings(
        workload=workload,
        command=chosen["command"],
        node_count=count,
        time_limit_seconds=chosen["time_limit"],
        rate=chosen["rate"],
        concurrency=clients,
        latency_ms=chosen["latency"],
        latency_distribution=LatencyDistribution(chosen["latency_dist"]),
        loss=chosen["loss"],
        nemesis=tuple(dict.fromkeys(map(FaultKind, chosen["nemesis"]))),
        nemesis_interval_seconds=chosen["nemesis_interval"],
        recovery_seconds=chosen["recovery_time"],
        availability=chosen["availability"],
        topology=chosen["topology"],
        consistency_model=chosen["consistency_models"],
        seed=SystemRandom().randrange(2**32) if seed is None else seed,
    )


class _Ended(Exception):
    """A signal has ended the test; all nodes are gone."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number)
        self.signal = number


def _run_tidily(begin: Callable[[], Any]) -> Record:
    """Run a test on an event loop; a signal cancels it, so that it stops its nodes before it ends."""
    heard: list[signal.Signals] = []

    async def listen() -> Record:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def end(number: signal.Signals) -> None:
            # Once is enough: a second signal would interrupt the tidying up.
            if task is not None and not heard:
                heard.append(number)
                task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # A shell's background job ignores SIGINT, and nohup SIGHUP; they shall go on doing so.
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, end, number)
        record: Record = await begin()
        return record

    try:
        return asyncio.run(listen())
    except asyncio.CancelledError:
        if not heard:
            raise
        raise _Ended(heard[0]) from None


@contextmanager
def _folder(log: Path | None, nodes: Sequence[str]) -> Iterator[Path]:
    if log is None:
        with tempfile.TemporaryDirectory(prefix="messenger-maelstrom-") as folder:
            yield Path(folder)
        return
    try:
        log.mkdir(parents=True, exist_ok=True)
        for node in nodes:
            (log / f"{node}.log").write_bytes(b"")
    except OSError as error:
        raise click.BadParameter(f"cannot write to {log}: {error.strerror}", param_hint="--log") from error
    yield log


def _require_writable(path: Path) -> None:
    """Refuse a file that cannot be written, before a test rather than after it."""
    try:
        with path.open("ab"):
            pass
    except OSError as error:
        raise click.BadParameter(f"cannot write {path}: {error.strerror}", param_hint="--json") from error


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
