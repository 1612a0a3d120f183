"""`messenger workflow dead-letters`: what failed for good, and nobody has seen to."""

from typing import TYPE_CHECKING

import click

from .arguments import DATABASE, MOST, as_json, examples, moment, named, say, url, write_json

if TYPE_CHECKING:
    from ..client import Client
    from ..task import DeadLetter


@click.command(
    "dead-letters",
    short_help="list what failed for good",
    epilog=examples(
        "messenger workflow dead-letters",
        "messenger workflow dead-letters --all --limit 1000",
        "messenger workflow dead-letters --json",
        exits="0 they were listed, even if there are none, 2 wrong usage, 3 no database.",
    ),
    help=f"""List the steps that failed for good, the latest first, until someone resolves them, lets them try
    again or cancels their task; times are in UTC.

    As JSON, each has a snapshot: the input, the results it was given, the error with its traceback.

    {DATABASE}
    """,
)
@click.option("--all", "settled", is_flag=True, help="Also those that someone has seen to.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="How many at most."
)
@click.option(
    "--before", type=click.IntRange(1, MOST), metavar="N", help="Only those before this dead_letter_id."
)
@as_json
@url
def command(settled: bool, limit: int, before: int | None, as_json: bool, url: str | None) -> int:
    """List what failed for good."""
    from .database import with_client

    async def ask(client: "Client") -> "list[DeadLetter]":
        return await client.dead_letters(most=limit, before=before, settled=settled)

    found = with_client(url, ask)
    if as_json:
        write_json(found)
    elif found:
        _write(found)
    else:
        say("there are no dead letters" + (" that nobody has seen to" if not settled else ""))
    return 0


def _write(found: "list[DeadLetter]") -> None:
    from ..drawing.terminal import write_table

    rows = [
        (
            moment(letter.at),
            str(letter.task_id),
            named(letter.snapshot),
            letter.step,
            str(letter.snapshot.get("attempt", "")),
            letter.reason,
        )
        for letter in found
    ]
    head = ("when", "task", "workflow", "step", "attempts", "reason")
    write_table(head, rows)
