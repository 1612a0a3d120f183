"""`messenger workflow show`: how a task stands, once or until its end."""

import asyncio
from typing import TYPE_CHECKING

import click

from .arguments import DATABASE, as_json, examples, say, task_id, url, write_json

if TYPE_CHECKING:
    from ..client import Client
    from ..task import Task

_LOOK_SECONDS = 0.25


@click.command(
    "show",
    short_help="draw how a task stands",
    epilog=examples(
        "messenger workflow show 17",
        "messenger workflow show 17 --watch",
        "messenger workflow show 17 --results --json",
        exits="0 it is complete or goes on, 1 it is in error or cancelled, 2 there is no such task, "
        "3 no database.",
    ),
    help=f"""Draw the steps of TASK, what each waits for and how it stands; below, the errors in full.

    Colours are for terminals, unless NO_COLOR is set. COLUMNS is the width where there is no terminal.

    {DATABASE}
    """,
)
@task_id
@click.option("--results", is_flag=True, help="Also what the steps returned.")
@click.option(
    "--watch", is_flag=True, help="Until it ends: draw it again; in a pipe, write a line for each change."
)
@as_json
@url
def command(task_id: int, results: bool, watch: bool, as_json: bool, url: str | None) -> int:
    """Draw how a task stands."""
    from ..drawing import terminal
    from .database import with_client

    async def show(client: "Client") -> int:
        if not watch:
            task = await client.task(task_id, results=results)
            if as_json:
                _write_as_json(task)
            else:
                _write_picture(task)
        elif as_json or not terminal.is_terminal():
            task = await _watch_lines(client, task_id, results, as_json)
        else:
            task = await _watch_picture(client, task_id, results)
        return _verdict(task, as_json)

    return with_client(url, show)


def _verdict(task: "Task", as_json: bool) -> int:
    from ..state import StepState, TaskState

    failed = [step.name for step in task.steps if step.state is StepState.ERROR]
    if task.state is TaskState.ERROR and failed and not as_json:
        mend = f"{task.task_id} {failed[0]}"
        say(
            f"let it try again with: messenger workflow retry {mend}; "
            f"or give its result with: messenger workflow resolve {mend} --result JSON"
        )
    return 1 if task.state in (TaskState.ERROR, TaskState.CANCELLED) else 0


def _picture(task: "Task") -> list[str]:
    from ..drawing import terminal
    from ..drawing.task_picture import format_task

    return format_task(task, width=terminal.width(), ascii_only=terminal.ascii_only(), paint=terminal.paint)


def _write_picture(task: "Task") -> None:
    from ..drawing import terminal

    for line in _picture(task):
        terminal.write(line)


def _write_as_json(task: "Task") -> None:
    from ..drawing.task_json import task_json

    write_json(task_json(task))


async def _watch_lines(client: "Client", task_id: int, results: bool, as_json: bool) -> "Task":
    from ..drawing.task_picture import summary_of
    from .database import answered

    before = None
    while True:
        task = await answered(lambda: client.task(task_id, results=results))
        if task != before:
            if as_json:
                _write_as_json(task)
            elif before is None or summary_of(task) != summary_of(before):
                click.echo(summary_of(task))
        if task.ended:
            return task
        before = task
        await asyncio.sleep(_LOOK_SECONDS)


async def _watch_picture(client: "Client", task_id: int, results: bool) -> "Task":
    from ..drawing import terminal
    from .database import answered

    drawn: list[str] = []
    rows = 0
    while True:
        task = await answered(lambda: client.task(task_id, results=results))
        lines = _picture(task)
        if lines != drawn:
            rows = terminal.rewrite(lines, rows)
            drawn = lines
        if task.ended:
            return task
        await asyncio.sleep(_LOOK_SECONDS)
