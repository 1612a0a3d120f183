"""`messenger workflow submit`: a task created, and waited for."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from .arguments import DATABASE, Json, Seconds, Text, as_json, examples, parse_json, say, url, write_json

if TYPE_CHECKING:
    from ..client import Client
    from ..store import Created
    from ..task import Task
    from ..template import Template

_SUFFIXES = (".yaml", ".yml", ".json")
_MOST_SECONDS = 31_536_000


class _Moment(click.ParamType[datetime]):
    """A time with its zone, as ISO 8601 has it."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return when *value* is, or refuse it."""
        try:
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.utcoffset() is not None else self._refuse(value)
        except (ValueError, OverflowError):
            return self._refuse(value)

    def _refuse(self, value: str) -> NoReturn:
        self.fail(f"{value!r} is no time with its zone; write it as in 2026-01-31T08:00:00Z")


@click.command(
    "submit",
    short_help="create a task",
    epilog=examples(
        "messenger workflow submit orders:orders --input '{\"items\": [1]}'",
        "messenger workflow submit orders.yaml --input-file order.json --key order-17",
        "messenger workflow submit orders --input '{\"items\": [1]}' --wait --timeout-seconds 60",
        "messenger workflow submit orders --due-at 2027-01-31T08:00:00Z --priority 10",
        exits="0 it was created, and with --wait complete; 1 it ended in error or was cancelled, 2 wrong "
        "usage or input, 3 no database, or the time was over: the task goes on.",
    ),
    help=f"""Create a task of the workflow MODULE:NAME, or of the template in FILE (.yaml, .yml, .json).

    The task's number is written to stdout; with --wait, what its steps returned as JSON, by their names. A
    worker that runs the handlers is another process, see: messenger workflow work --help

    {DATABASE} A task is kept when the command has ended, and runs as soon as there is a worker.
    """,
)
@click.argument("source", metavar="FILE|MODULE[:NAME]", type=Text())
@click.option(
    "--input", "given", type=Json(), metavar="JSON", help="What the task is given; null unless given."
)
@click.option("--input-file", metavar="FILE|-", help="A file with the input, or - for stdin.")
@click.option(
    "--key", type=Text(), metavar="TEXT", help="Identity key: a second task with it is the first one."
)
@click.option(
    "--priority",
    type=click.IntRange(-32768, 32767),
    default=0,
    show_default=True,
    help="Steps of the higher are claimed first.",
)
@click.option(
    "--due-at", type=_Moment(), metavar="TIME", help="When it may begin, in ISO 8601 with its zone."
)
@click.option("--wait", is_flag=True, help="Wait for its end, and write its results.")
@click.option(
    "--timeout-seconds",
    type=Seconds(0, _MOST_SECONDS, min_open=True),
    metavar="N",
    help="Wait no longer than so many seconds; with --wait.",
)
@as_json
@url
def command(
    source: str,
    given: Any,
    input_file: str | None,
    key: str | None,
    priority: int,
    due_at: datetime | None,
    wait: bool,
    timeout_seconds: float | None,
    as_json: bool,
    url: str | None,
) -> int:
    """Create a task."""
    if given is not None and input_file is not None:
        raise click.UsageError("--input and --input-file are two inputs; give one of them")
    if timeout_seconds is not None and not wait:
        raise click.UsageError("--timeout-seconds is how long to wait; give --wait as well")
    template = _template_of(source)
    input = given if input_file is None else _read_input(input_file)

    from .database import with_client

    async def submit(client: "Client") -> int:
        created = await client.create(template, input, identity_key=key, priority=priority, due_at=due_at)
        if not created.new:
            say(f"task {created.task_id} was created with this key before, and is not created again")
        if wait:
            return await _wait(client, created, timeout_seconds, as_json)
        if as_json:
            write_json(created._asdict())
        else:
            click.echo(str(created.task_id))
        return 0

    return with_client(url, submit)


def _template_of(source: str) -> "Template":
    if not source.endswith(_SUFFIXES):
        from ..load_workflows import load_workflow

        return load_workflow(source).template
    from ..template_file import parse_template

    return parse_template(_read(source, "FILE"), "json" if source.endswith(".json") else "yaml", source)


def _read_input(file: str) -> Any:
    try:
        return parse_json(sys.stdin.buffer.read() if file == "-" else _read(file, "--input-file"))
    except ValueError as error:
        where = "stdin" if file == "-" else file
        raise click.BadParameter(f"{where} is not JSON: {error}", param_hint="--input-file") from error


def _read(file: str, hint: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise click.BadParameter(f"cannot read {file!r}: {reason}", param_hint=hint) from error


async def _wait(client: "Client", created: "Created", timeout_seconds: float | None, as_json: bool) -> int:
    from .database import answered

    say(f"waiting for task {created.task_id}; it goes on if this is ended")
    try:
        async with asyncio.timeout(timeout_seconds):
            task = await answered(lambda: client.wait(created.task_id))
    except TimeoutError:
        say(
            f"task {created.task_id} has not ended within {timeout_seconds:g} s, and goes on; "
            f"see: messenger workflow show {created.task_id}"
        )
        return 3
    return _tell(task, as_json)


def _tell(task: "Task", as_json: bool) -> int:
    from ..drawing.task_json import results_in_order, task_json
    from ..drawing.task_picture import summary_of
    from ..state import TaskState

    write_json(task_json(task) if as_json else results_in_order(task))
    if task.state is TaskState.COMPLETE:
        return 0
    say(f"{summary_of(task)}; see: messenger workflow show {task.task_id}")
    return 1
