"""`messenger workflow cancel`: a task called off."""

from typing import TYPE_CHECKING

import click

from .arguments import DATABASE, as_json, examples, reason, say, task_id, url, write_json

if TYPE_CHECKING:
    from ..client import Client


@click.command(
    "cancel",
    short_help="call a task off",
    epilog=examples(
        "messenger workflow cancel 17",
        "messenger workflow cancel 17 --reason 'the customer has changed his mind'",
        exits="0 it is cancelled, 1 it was complete, 2 there is no such task, 3 no database.",
    ),
    help=f"""Let nothing of TASK begin any more; what runs is told, and its result refused.

    {DATABASE}
    """,
)
@task_id
@reason
@as_json
@url
def command(task_id: int, reason: str, as_json: bool, url: str | None) -> int:
    """Call a task off."""
    from .database import with_client

    async def cancel(client: "Client") -> None:
        await client.cancel(task_id, reason)

    with_client(url, cancel)
    if as_json:
        write_json({"task_id": task_id, "state": "cancelled"})
    say(f"task {task_id} is cancelled")
    return 0
