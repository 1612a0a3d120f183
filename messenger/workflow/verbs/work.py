"""`messenger workflow work`: a worker, which runs the steps of workflows until it is told to stop."""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from .arguments import DATABASE, Seconds, Text, examples, say, url

if TYPE_CHECKING:
    from ..worker import Worker
    from ..workflow import Workflow

_DAY_SECONDS = 86_400
_GUARD_SECONDS = 3.0
"""Whoever asks twice does not wait longer than this for what cannot be stopped."""
_LOOK_SECONDS = 0.1
_LEVELS = ("debug", "info", "warning", "error")
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _seconds(name: str, default: float, least: float, help: str) -> _Decorator:
    kind = Seconds(least, _DAY_SECONDS)
    return click.option(name, type=kind, default=default, show_default=True, metavar="N", help=help)


def _count(name: str, default: int | None, most: int, help: str) -> _Decorator:
    kind = click.IntRange(1, most)
    return click.option(name, type=kind, default=default, show_default=True, metavar="N", help=help)


@click.command(
    "work",
    short_help="run steps",
    epilog=examples(
        "messenger workflow work orders",
        "messenger workflow work orders:orders billing --concurrency 200 --threads 100",
        "messenger workflow work orders --once --log-level warning",
        exits="0 it was told to stop, or with --once nothing is left to do; 2 wrong usage, or no such "
        "workflow; 3 no database. A second signal ends it with 130 (Ctrl-C) or 143 (SIGTERM).",
    ),
    help=f"""Run the steps of the workflows in MODULE, or of NAME in it, also from the current folder.

    It is ready when it says so on stderr, where it also logs. SIGTERM or Ctrl-C lets it claim nothing more,
    and end when what runs has ended; a second one gives back at once what runs, for others to try again.
    When the database goes away, it waits for it to come back. For more processes, start it more often.

    {DATABASE}
    """,
)
@click.argument("names", metavar="MODULE[:NAME]...", nargs=-1, required=True, type=Text())
@_count("--concurrency", 64, 10_000, "How many steps it holds at once.")
@_seconds("--lease-seconds", 30.0, 0.5, "How many seconds after its death others take over.")
@_seconds("--poll-seconds", 1.0, 0.01, "How often, in seconds, it looks for work that it was not told of.")
@_count("--threads", 32, 1000, "How many handlers run in threads at once: plain functions do.")
@_count("--processes", None, 256, "How many run in processes at once; as many as cores unless given.")
@_seconds("--drain-seconds", 30.0, 0.0, "How many seconds what runs has to end after a signal.")
@click.option("--name", type=Text(), help="What the history of a task calls it; HOST:PID unless given.")
@click.option("--once", is_flag=True, help="End when nothing is due, runs anywhere or waits for a retry.")
@click.option("--log-level", type=click.Choice(_LEVELS), default="info", show_default=True)
@url
def command(
    names: tuple[str, ...], name: str | None, once: bool, log_level: str, url: str | None, **options: Any
) -> int:
    """Run steps."""
    import uvloop

    from ..load_workflows import load_workflows
    from ..worker import Worker
    from .database import open_database

    logging.basicConfig(
        stream=sys.stderr, level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    workflows = load_workflows(names)
    with open_database(url) as found, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_work(found, workflows, once, partial(Worker, name=name, **options)))


async def _work(found: str, workflows: "Sequence[Workflow]", once: bool, make: "partial[Worker]") -> int:
    from ..errors import WorkflowError

    try:
        worker = make(found, workflows)
    except ValueError as error:  # two handlers of one name
        raise click.UsageError(str(error)) from error
    waiting: list[asyncio.Task[None]] = []

    def ready() -> None:
        say(_ready(worker, workflows, found))
        if once:
            waiting.append(asyncio.create_task(_stop_when_idle(worker, workflows, found)))

    with _obeyed_signals(worker) as signals:
        try:
            await worker.run(ready)
        except BaseExceptionGroup as group:
            raise _first_of(WorkflowError, group) from None
    for task in waiting:
        task.cancel()
    if len(signals) > 1:
        say("ended; what ran was given back")
        return 128 + signals[1]
    return 0


def _ready(worker: "Worker", workflows: "Sequence[Workflow]", found: str) -> str:
    from ..postgres.connection import without_password

    served = ", ".join(
        f"{each.template.name} {each.template.version}"
        + (
            f" ({', '.join(handler.name for handler in each.handlers)})"
            if len(each.handlers)
            else " (no handlers)"
        )
        for each in workflows
    )
    return f"worker {worker.name} is ready for {served} in {without_password(found)}"


@contextmanager
def _obeyed_signals(worker: "Worker") -> Iterator[list[int]]:
    """Stop *worker* with the first signal, and with the second at once; yield those that have come."""
    loop = asyncio.get_running_loop()
    signals: list[int] = []

    def obey(number: int, _frame: object) -> None:
        signals.append(number)
        if len(signals) == 1:
            os.write(2, b"messenger workflow: stopping when what runs has ended; once more to end at once\n")
            loop.call_soon_threadsafe(worker.stop)
        else:
            # A handler that blocks the loop would let nobody end it.
            guard = threading.Timer(_GUARD_SECONDS, os._exit, [128 + number])
            guard.daemon = True
            guard.start()
            loop.call_soon_threadsafe(partial(worker.stop, at_once=True))

    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    before = [signal.signal(number, obey) for number in _SIGNALS]
    try:
        yield signals
    finally:
        for number, handler in zip(_SIGNALS, before, strict=True):
            signal.signal(number, handler)


async def _stop_when_idle(worker: "Worker", workflows: "Sequence[Workflow]", found: str) -> None:
    from .. import store
    from ..postgres.connection import CannotConnect
    from ..session import Disconnected, Session

    handlers = [(each.template.namespace, handler.name) for each in workflows for handler in each.handlers]
    async with Session(found) as session:
        while True:
            with suppress(Disconnected, CannotConnect):
                numbers = await store.handler_ids(session, handlers) if handlers else {}
                if not await store.has_work(session, numbers):
                    worker.stop()
                    return
            await asyncio.sleep(_LOOK_SECONDS)


def _first_of(kind: type[Exception], group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return what is to be told of *group*: the first of *kind*, or all when something else went wrong."""
    known, unknown = group.split(kind)
    while known is not None and unknown is None:
        first = known.exceptions[0]
        if not isinstance(first, BaseExceptionGroup):
            return first
        known = first
    return group
