"""`messenger workflow migrate`: the database made ready, or brought up to date."""

import sys

import click

_EPILOG = """\b
Examples:
  messenger workflow migrate
  messenger workflow migrate --url postgresql://me@db.example:5432/work
  MESSENGER_POSTGRES_URL=postgresql://me@db.example/work messenger workflow migrate

Exit status: 0 it is up to date, 1 a migration failed or does not fit, 2 wrong usage, 3 no database."""


@click.command("migrate", short_help="make the database ready", epilog=_EPILOG)
@click.option(
    "--url",
    metavar="URL",
    envvar="MESSENGER_POSTGRES_URL",
    help="The database; otherwise one of our own is started, in MESSENGER_POSTGRES_FOLDER.",
)
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
        sys.stderr.write(
            f"messenger workflow: {without_password(found)}: "
            f"{len(applied) or 'no'} migration{'s' * (len(applied) != 1)} applied\n"
        )
    return 0
