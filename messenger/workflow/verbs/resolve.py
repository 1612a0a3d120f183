"""`messenger workflow resolve`: the result of a step in error, given by hand."""

from typing import TYPE_CHECKING, Any

import click

from .arguments import DATABASE, Json, as_json, examples, reason, say, step, task_id, url, write_json

if TYPE_CHECKING:
    from ..client import Client


@click.command(
    "resolve",
    short_help="give the result of a step in error",
    epilog=examples(
        "messenger workflow resolve 17 charge --result '{\"paid\": true}' --reason 'paid in cash'",
        "messenger workflow resolve 17 judge --result '[\"refund\"]'",
        exits="0 it is resolved, 1 it is not in error, 2 there is no such step, or it cannot return that, "
        "3 no database.",
    ),
    help=f"""Give the result of STEP of TASK, which is in error, as if its handler had returned that.

    What waited for it runs then. Of a batch's worker, each clone in error gets it; of a decision, the result
    is a list of the steps that it chooses.

    {DATABASE}
    """,
)
@task_id
@step
@click.option("--result", type=Json(), required=True, metavar="JSON", help="What it would have returned.")
@reason
@as_json
@url
def command(task_id: int, step: str, result: Any, reason: str, as_json: bool, url: str | None) -> int:
    """Give the result of a step in error."""
    from .database import with_client

    async def resolve(client: "Client") -> None:
        await client.resolve(task_id, step, result, reason)

    with_client(url, resolve)
    if as_json:
        write_json({"task_id": task_id, "step": step, "state": "resolved_manually"})
    say(f"step {step!r} of task {task_id} is resolved")
    return 0
