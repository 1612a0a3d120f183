"""Doorbell: hears what the database notifies of, so that nobody has to ask it every few milliseconds."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from random import Random
from typing import Protocol

import psycopg
from psycopg import sql

from .backoff import reconnect_seconds
from .errors import WorkflowError
from .postgres.connection import connect_async

RUNNABLE = "messenger_runnable"
"""With a handler's number: a step is to be claimed."""
FINISHED = "messenger_finished"
"""With a task's number: it has ended, and somebody wanted to know."""
CANCELLED = "messenger_cancelled"
"""With a task's number."""

Ring = Callable[[str | None], None]
"""Takes the number that came; None when some may have been missed, and one had better look."""

_log = logging.getLogger(__name__)


class Doorbell(Protocol):
    """Calls somebody when there is something to look for; a hint, so that a lost one costs time only."""

    async def start(self) -> None:
        """Begin to listen, and return when nothing that happens from now on is missed."""

    async def stop(self) -> None:
        """Listen no more."""


class PostgresDoorbell:
    """Rings for each LISTEN channel that is given, over one connection of its own.

    When that breaks, it is opened again; then, as at the start, everybody is rung with None.
    """

    def __init__(self, url: str, rings: Mapping[str, Ring]) -> None:
        self._url = url
        self._rings = dict(rings)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            BadUrl, CannotConnect: as `connect` does; later it tries again in silence.
        """
        connection = await self._listen()
        self._task = asyncio.create_task(self._keep_listening(connection), name="doorbell")

    async def stop(self) -> None:
        """Listen no more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _listen(self) -> psycopg.AsyncConnection:
        listens = (sql.SQL("LISTEN {}").format(sql.Identifier(channel)) for channel in self._rings)
        return await connect_async(self._url, *listens)

    async def _keep_listening(self, connection: psycopg.AsyncConnection | None) -> None:
        chance, failures = Random(), 0
        while True:
            try:
                if connection is None:
                    connection = await self._listen()
                failures = 0
                self._ring_all()
                await self._hear(connection)
            except (psycopg.Error, WorkflowError, OSError) as error:
                failures += 1
                _log.warning("doorbell: %s; listening again", error)
            finally:
                if connection is not None:
                    await connection.close()
                    connection = None
            await asyncio.sleep(reconnect_seconds(failures, chance))

    async def _hear(self, connection: psycopg.AsyncConnection) -> None:
        """Ring until the connection breaks; a callback of the loop, for a coroutine takes twice as long."""
        loop, broken = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()
        pgconn, descriptor = connection.pgconn, connection.fileno()

        def read() -> None:
            try:
                pgconn.consume_input()
                while (notice := pgconn.notifies()) is not None:
                    self._rings[notice.relname.decode()](notice.extra.decode())
            except psycopg.Error as error:
                loop.remove_reader(descriptor)
                if not broken.done():
                    broken.set_exception(error)

        loop.add_reader(descriptor, read)
        try:
            await broken
        finally:
            loop.remove_reader(descriptor)

    def _ring_all(self) -> None:
        for ring in self._rings.values():
            ring(None)
