"""Operator: what is asked of the database about itself, on a connection that no task takes."""

import asyncio
from collections.abc import Mapping
from time import monotonic

import msgspec

from ..migrate import read_migrations
from ..session import NotMigrated, Session

_FRESH_SECONDS = 1.0
_ANSWER_SECONDS = 5.0
"""Who watches asks again, and would otherwise wait behind all that asked before."""


class Figures(msgspec.Struct, frozen=True):
    """How much there is to do; *tasks* by state are estimates."""

    due: int
    leased: int
    waiting: int
    oldest_due_seconds: float
    """How late the step is that has been due for longest."""
    open_dead_letters: int
    tasks: Mapping[str, float]


class Operator:
    """Asks over *session*, in turns, so that many who ask cost one connection."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._turn = asyncio.Lock()
        self._migrations = len(read_migrations())
        self._figures: tuple[Figures, float] | None = None

    async def check_ready(self) -> None:
        """Return when the database answers, and has our tables.

        Raises:
            Disconnected, CannotConnect, TimeoutError: it does not answer.
            NotMigrated: it lacks them.
        """
        async with asyncio.timeout(_ANSWER_SECONDS), self._turn:
            applied = len(await self._session.fetch("applied_migrations"))
        if applied < self._migrations:
            raise NotMigrated(
                f"it has {applied} of {self._migrations} migrations; run messenger workflow migrate"
            )

    async def figures(self) -> Figures:
        """Return the figures, at most a second old.

        Raises:
            Disconnected, CannotConnect, TimeoutError, NotMigrated: there are none to be had.
        """
        async with asyncio.timeout(_ANSWER_SECONDS), self._turn:
            if self._figures is None or monotonic() - self._figures[1] > _FRESH_SECONDS:
                [(due, leased, waiting, late, dead, tasks)] = await self._session.fetch("figures")
                found = Figures(due, leased, waiting, late, dead, msgspec.json.decode(tasks))
                self._figures = found, monotonic()
            return self._figures[0]
