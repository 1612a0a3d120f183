"""Session: one connection of the engine, opened again after it was lost."""

from collections.abc import Sequence
from select import POLLIN, poll
from types import TracebackType
from typing import Any, Self

import psycopg

from .errors import WorkflowError
from .postgres.connection import connect_async, without_password
from .queries import query

_TRIES = 5
# PostgreSQL's class 54, which psycopg takes for a trouble of the connection.
_TOO_MUCH = (psycopg.errors.ProgramLimitExceeded, psycopg.errors.StatementTooComplex)


class NotMigrated(WorkflowError):
    """The database lacks our tables, or has older ones."""


class Disconnected(WorkflowError):
    """The connection broke; whether the statement had taken effect is not known."""


class Refused(WorkflowError):
    """PostgreSQL did not take the values."""


class Session:
    """Runs statements of `queries/`, one at a time, each in a transaction of its own.

    It connects when it is first used, and again after it was disconnected. Not for two tasks at once.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.AsyncConnection | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Disconnect; the next statement would connect again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def connect(self) -> psycopg.AsyncConnection:
        """Return the connection, open.

        Raises:
            BadUrl, CannotConnect: as `connect` does.
        """
        if self._connection is not None and not self._connection.closed and _has_hung_up(self._connection):
            await self.close()
        if self._connection is None or self._connection.closed:
            self._connection = await connect_async(self._url, query("start_session"))
        return self._connection

    async def fetch(self, name: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run the statement *name*, and return its rows.

        A statement that PostgreSQL rolled back to end a deadlock is run again.

        Raises:
            Disconnected: the connection broke meanwhile, or the statement met a deadlock each time.
            CannotConnect: there is none to be had.
            Refused: it cannot be done with these parameters.
            NotMigrated: the statement meets no table or function of ours.
        """
        for left in reversed(range(_TRIES)):
            connection = await self.connect()
            try:
                cursor = await connection.execute(query(name), parameters, prepare=True, binary=True)
                return await cursor.fetchall() if cursor.description else []
            except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure) as error:
                if not left:
                    raise Disconnected(
                        f"{without_password(self._url)} has rolled {name} back {_TRIES} times: "
                        f"{str(error).splitlines()[0]}"
                    ) from error
            except (
                psycopg.errors.UndefinedTable,
                psycopg.errors.UndefinedFunction,
                psycopg.errors.InvalidSchemaName,
            ) as error:
                raise NotMigrated(
                    f"{without_password(self._url)} is not ready for workflows: "
                    f"{str(error).splitlines()[0]}; run: messenger workflow migrate"
                ) from error
            except (psycopg.DataError, psycopg.IntegrityError, UnicodeEncodeError, *_TOO_MUCH) as error:
                raise Refused(str(error).splitlines()[0]) from error
            # Read only: it was the primary server, and no longer is.
            except (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction) as error:
                await self.close()
                raise Disconnected(f"lost {without_password(self._url)}: {str(error).strip()}") from error
        raise AssertionError("unreachable")


def _has_hung_up(connection: psycopg.AsyncConnection) -> bool:
    """Tell whether the server has, while nothing was asked of it: it says nothing then but that it ends."""
    waiting = poll()
    waiting.register(connection.fileno(), POLLIN)
    return bool(waiting.poll(0))
