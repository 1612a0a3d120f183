"""`messenger workflow serve`: the engine over HTTP."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .arguments import say_migrated, url_or_our_own

if TYPE_CHECKING:
    from ..http.guard import Guard

_EPILOG = """\b
Examples:
  messenger workflow serve
  messenger workflow serve --url postgresql://me@db.example/work --port 8080
  messenger workflow serve --host 0.0.0.0 --token-file /run/secrets/token
  curl -H "Content-Type: application/json" -d '{"input": {"items": [1]}}' \\
      "http://127.0.0.1:8080/v1/workflows/default/orders/tasks?wait=2s"

Exit status: 0 it was told to stop, 1 a migration failed or does not fit, 2 wrong usage, 3 no database."""

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@click.command("serve", short_help="create and follow tasks over HTTP", epilog=_EPILOG)
@url_or_our_own
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 is any.")
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What clients are to send as Authorization: Bearer TOKEN; otherwise MESSENGER_WORKFLOW_TOKEN.",
)
@click.option("--no-token", is_flag=True, help="Let everybody in who can reach HOST.")
@click.option(
    "--connections",
    type=click.IntRange(1, 100),
    default=4,
    show_default=True,
    help="To the database, for tasks; two more are for what watches.",
)
@click.option(
    "--drain-seconds",
    type=click.IntRange(0, 3600),
    default=10,
    show_default=True,
    help="How long what is in flight may take to end, after SIGTERM or Ctrl-C.",
)
@click.option("--access-log", is_flag=True, help="Write a line to stderr for each request.")
def command(
    url: str | None,
    host: str,
    port: int,
    token_file: Path | None,
    no_token: bool,
    connections: int,
    drain_seconds: int,
    access_log: bool,
) -> int:
    """Serve the engine over HTTP until SIGTERM or Ctrl-C; GET /openapi.json says what can be asked.

    The database is migrated first. The URL to connect to is written to stdout once it answers.
    """
    from ..http.server import listen, serve, url_of
    from ..migrate import migrate
    from ..postgres.connection import without_password
    from ..postgres.open_postgres import open_postgres

    guard = _guard_of(host, token_file, no_token)
    logging.basicConfig(level=logging.WARNING, format="messenger workflow: %(message)s")
    if access_log:
        logging.getLogger("messenger.workflow.http.access").setLevel(logging.INFO)
    with listen(host, port) as listening, open_postgres(url) as found:
        applied = migrate(found)
        say_migrated(without_password(found), len(applied))
        serve(
            found,
            listening,
            guard,
            connections=connections,
            drain_seconds=drain_seconds,
            log_access=access_log,
            ready=lambda: click.echo(url_of(host, listening)),
        )
    return 0


def _guard_of(host: str, token_file: Path | None, no_token: bool) -> "Guard":
    from ..http.guard import BadToken, Guard, read_token

    if no_token and token_file is not None:
        raise click.UsageError("--token-file and --no-token contradict each other; leave one out")
    try:
        token = None if no_token else read_token(token_file)
    except BadToken as error:
        raise click.UsageError(str(error)) from error
    here = host in _LOOPBACK
    if token is None and not here and not no_token:
        raise click.UsageError(
            f"whoever reaches {host} could run workflows; give a token, see --token-file, or say --no-token"
        )
    return Guard(token, only_here=here and not no_token)
