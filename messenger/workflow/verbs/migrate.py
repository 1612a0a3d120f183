"""`messenger workflow migrate`: the database made ready, or brought up to date."""

import click

from .arguments import say_migrated, url_or_our_own

_EPILOG = """\b
Examples:
  messenger workflow migrate
  messenger workflow migrate --url postgresql://me@db.example:5432/work
  MESSENGER_POSTGRES_URL=postgresql://me@db.example/work messenger workflow migrate

Exit status: 0 it is up to date, 1 a migration failed or does not fit, 2 wrong usage, 3 no database."""


@click.command("migrate", short_help="make the database ready", epilog=_EPILOG)
@url_or_our_own
def command(url: str | None) -> int:
    """Create the schema messenger_workflow, or apply to it what has been added since.

    Each migration that was applied is written to stdout. Running it again, or twice at once, does no harm.
    """
    from ..migrate import migrate
    from ..postgres.connection import without_password
    from ..postgres.open_postgres import open_postgres

    with open_postgres(url) as found:
        applied = migrate(found)
        for migration in applied:
            click.echo(str(migration))
        say_migrated(without_password(found), len(applied))
    return 0
