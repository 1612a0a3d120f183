"""`messenger workflow tasks`: the tasks that were created last."""

from typing import TYPE_CHECKING

import click
import msgspec

from .arguments import DATABASE, MOST, as_json, examples, moment, named, say, url, write_json

if TYPE_CHECKING:
    from ..client import Client
    from ..task import TaskHead

_STATES = ("pending", "in_progress", "waiting", "complete", "error", "cancelled")


@click.command(
    "tasks",
    short_help="list the latest tasks",
    epilog=examples(
        "messenger workflow tasks",
        "messenger workflow tasks --state error --state waiting --limit 20",
        "messenger workflow tasks --before 1200 --json",
        exits="0 they were listed, even if there are none, 2 wrong usage, 3 no database.",
    ),
    help=f"""List the tasks that were created last, the latest first; times are in UTC.

    {DATABASE}
    """,
)
@click.option(
    "--state", "states", type=click.Choice(_STATES), multiple=True, help="Only these; may be repeated."
)
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many at most."
)
@click.option("--before", type=click.IntRange(1, MOST), metavar="TASK", help="Only those before this one.")
@as_json
@url
def command(states: tuple[str, ...], limit: int, before: int | None, as_json: bool, url: str | None) -> int:
    """List the latest tasks."""
    from ..state import TaskState
    from .database import with_client

    wanted = tuple(TaskState(state) for state in states or _STATES)

    async def ask(client: "Client") -> "list[TaskHead]":
        return await client.tasks(most=limit, before=before, states=wanted)

    found = with_client(url, ask)
    if as_json:
        write_json(found)
    elif found:
        _write(found)
    else:
        say("there are no such tasks" if states or before else "there are no tasks yet")
    return 0


def _write(found: "list[TaskHead]") -> None:
    from ..drawing.terminal import write_table

    rows = [
        (
            str(task.task_id),
            moment(task.created_at),
            moment(task.finished_at),
            task.state.value.replace("_", " "),
            f"{named(msgspec.to_builtins(task))} {task.version}",
            task.identity_key or "",
        )
        for task in found
    ]
    write_table(("task", "created", "ended", "state", "workflow", "key"), rows)
