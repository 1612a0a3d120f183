"""`messenger workflow retry`: another chance for a step in error."""

from typing import TYPE_CHECKING

import click

from .arguments import DATABASE, as_json, examples, reason, say, step, task_id, url, write_json

if TYPE_CHECKING:
    from ..client import Client


@click.command(
    "retry",
    short_help="let a step in error try again",
    epilog=examples(
        "messenger workflow retry 17 charge",
        "messenger workflow retry 17 charge --reason 'the bank answers again'",
        exits="0 it is enqueued, 1 it is not in error, 2 there is no such step, 3 no database.",
    ),
    help=f"""Let STEP of TASK, which is in error, try again, as often as its template says.

    Of a batch's worker, each clone in error does, and goes on from its checkpoint.

    {DATABASE}
    """,
)
@task_id
@step
@reason
@as_json
@url
def command(task_id: int, step: str, reason: str, as_json: bool, url: str | None) -> int:
    """Let a step in error try again."""
    from .database import with_client

    async def retry(client: "Client") -> None:
        await client.retry(task_id, step, reason)

    with_client(url, retry)
    if as_json:
        write_json({"task_id": task_id, "step": step, "state": "enqueued"})
    say(f"step {step!r} of task {task_id} is enqueued")
    return 0
