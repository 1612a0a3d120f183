"""Held steps: those that a worker has leased and runs, and how it keeps their leases."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from time import monotonic

from . import store
from .leased_step import LeasedStep
from .postgres.connection import CannotConnect
from .session import Disconnected, Session

_log = logging.getLogger(__name__)

_MOST_ITEMS = 500
"""Of one statement."""


class HeldSteps:
    """Steps by their task and number; leases that are over are lost, of which *lost* is told."""

    def __init__(self, lease: timedelta, lost: Callable[[], None]) -> None:
        self._lease = lease
        self._lost = lost
        self._steps: dict[tuple[int, int], LeasedStep] = {}
        self._check = asyncio.Event()
        """Somebody may have lost one, and was not told."""

    def __len__(self) -> int:
        return len(self._steps)

    def add(self, held: LeasedStep) -> None:
        """Hold a step; the lease before, if this worker took over from itself, is lost."""
        if (earlier := self._steps.get(held.key)) is not None:
            self.lose(earlier)
        self._steps[held.key] = held

    def end(self, held: LeasedStep) -> None:
        """Hold the step no more; another lease of it is kept."""
        if self._steps.get(held.key) is held:
            del self._steps[held.key]

    def lose(self, held: LeasedStep) -> None:
        """Stop it, and tell that there is room."""
        self.end(held)
        held.lose()
        self._lost()

    def lose_task(self, task_id: int) -> None:
        """Lose the steps of a task that was cancelled."""
        for held in [each for each in self._steps.values() if each.lease.task_id == task_id]:
            self.lose(held)

    def check(self) -> None:
        """Let the next extension be at once, and of all: it tells which leases are over."""
        self._check.set()

    async def extend(self, session: Session) -> None:
        """Extend what is a third over, as long as this runs; shorter steps are never heard of here."""
        third = self._lease.total_seconds() / 3
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(third):
                    await self._check.wait()
            due = [
                held
                for held in self._steps.values()
                if self._check.is_set() or monotonic() - held.began >= third
            ]
            self._check.clear()
            for start in range(0, len(due), _MOST_ITEMS):
                await self._extend(session, due[start : start + _MOST_ITEMS])

    async def give_back(self, session: Session) -> bool:
        """Let others have at once what has not ended; tell whether there was any."""
        steps = list(self._steps.values())
        for held in steps:
            self.lose(held)
        await store.extend_leases(session, [held.running() for held in steps], timedelta(0))
        return bool(steps)

    async def _extend(self, session: Session, steps: list[LeasedStep]) -> None:
        asked, running = monotonic(), [held.running() for held in steps]
        try:
            over = {*await store.extend_leases(session, running, self._lease)}
        except (Disconnected, CannotConnect) as error:
            _log.warning("%s", error)
            for held, each in zip(steps, running, strict=True):
                held.checkpoint = held.checkpoint or each.checkpoint
            # Nobody could tell us that another worker has them by now.
            last = asked - self._lease.total_seconds()
            over = {held.key for held in steps if held.began < last}
        else:
            for held in steps:
                held.began = asked
        for held in steps:
            if held.key in over and self._steps.get(held.key) is held:
                self.lose(held)
