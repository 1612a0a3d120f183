"""Connection to PostgreSQL: opened, or refused in words that tell no password."""

import psycopg
from psycopg.abc import Query
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ..errors import WorkflowError

CONNECT_SECONDS = 10

_SECRETS = ("password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key")


class BadUrl(WorkflowError, ValueError):
    """What does not name a PostgreSQL database."""


class CannotConnect(WorkflowError):
    """The database is not there, or will not have us."""


def connect(url: str) -> psycopg.Connection:
    """Open a connection in autocommit mode; it waits 10 seconds, unless *url* says `connect_timeout`.

    Raises:
        BadUrl: *url* is none.
        CannotConnect: nobody answers there, or we are refused.
    """
    try:
        return psycopg.connect(_with_timeout(url), autocommit=True)
    except psycopg.OperationalError as error:
        raise _refusal(url, error) from None


async def connect_async(url: str, *statements: Query) -> psycopg.AsyncConnection:
    """Do as `connect` does, on an event loop, and run *statements* before anyone has the connection."""
    try:
        connection = await psycopg.AsyncConnection.connect(_with_timeout(url), autocommit=True)
        try:
            for statement in statements:
                await connection.execute(statement)
        except BaseException:  # one that is not ready must not be used
            await connection.close()
            raise
    except psycopg.OperationalError as error:
        raise _refusal(url, error) from None
    return connection


def without_password(url: str) -> str:
    """Return where *url* leads, in libpq's words, without what must not be shown.

    >>> without_password("postgresql://me:secret@db.example:5433/work?sslpassword=secret")
    'user=me dbname=work host=db.example port=5433'

    Raises:
        BadUrl: *url* is none.
    """
    shown = {name: value for name, value in _options_of(url).items() if name not in _SECRETS}
    return make_conninfo("", **shown)


def _refusal(url: str, error: psycopg.OperationalError) -> CannotConnect:
    return CannotConnect(
        f"cannot connect to {without_password(url)}: {str(error).strip()}; "
        "see that the server runs there, and the URL in --url or MESSENGER_POSTGRES_URL"
    )


def _with_timeout(url: str) -> str:
    options = _options_of(url)
    options.setdefault("connect_timeout", CONNECT_SECONDS)
    return make_conninfo("", **options)


def _options_of(url: str) -> dict[str, str | int | None]:
    try:
        return {**conninfo_to_dict(url)}
    except psycopg.ProgrammingError:
        # Neither what was given nor what libpq says of it: either may hold the password.
        raise BadUrl(
            "the PostgreSQL URL cannot be read; write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, "
            "with %40 for @ and %2F for / in the password"
        ) from None
