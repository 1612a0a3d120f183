"""Database of a verb: the one that is named, or our own, made ready."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import TypeVar

from ..client import Client
from ..postgres.connection import CannotConnect
from ..postgres.open_postgres import open_postgres
from ..session import Disconnected
from .arguments import say

_AGAIN_SECONDS = 0.5

_Result = TypeVar("_Result")


@contextmanager
def open_database(url: str | None) -> Iterator[str]:
    """Yield the URL of the database; our own is migrated, for nobody else is to be asked first."""
    with open_postgres(url) as found:
        if not url:
            from ..migrate import migrate

            if applied := migrate(found):
                say(f"made the database of our own ready: {len(applied)} migrations applied")
        yield found


def with_client(url: str | None, ask: Callable[[Client], Awaitable[_Result]]) -> _Result:
    """Return what *ask* does, for a client that is connected to the database."""

    async def asked(found: str) -> _Result:
        async with Client(found) as client:
            return await ask(client)

    with open_database(url) as found:
        return asyncio.run(asked(found))


async def answered(ask: Callable[[], Awaitable[_Result]]) -> _Result:
    """Return what *ask* finds out, asking again while the database is away; who waits has time."""
    for failures in count():
        try:
            return await ask()
        except (Disconnected, CannotConnect) as error:
            if not failures:
                say(f"{error}; asking again until it answers")
        await asyncio.sleep(_AGAIN_SECONDS)
    raise AssertionError("unreachable")
