"""Calls: the requests of a node that wait for replies, and until when."""

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from contextvars import copy_context
from math import inf
from operator import attrgetter
from time import monotonic
from typing import Any

from .call import Call
from .errors import Timeout

# Deadlines are met by one timer for many calls, which may ring this much later than one of them asks.
_SLACK_SECONDS = 0.001
# And at most this part of the time is spent on looking who is due.
_SHARE = 0.05


class Calls:
    """Calls by msg_id; *settled* hears of those whose handlers can go on because their time is over.

    No queue of deadlines is kept: nearly every call is answered long before, and would pay for it. When the
    timer rings, all that are pending are looked at.
    """

    def __init__(self, loop: AbstractEventLoop, settled: Callable[[Call[Any]], object]) -> None:
        self.loop = loop
        self.settled = settled
        self.pending: dict[int, Call[Any]] = {}
        self.context = copy_context()
        """In which handlers go on without a message: not in that of who set the timer, or cancelled."""
        self.rings_at = inf
        """When the timer rings, in `time.monotonic`; who begins a call that is due before calls `ring_at`."""
        self._timer: TimerHandle | None = None

    def __len__(self) -> int:
        """Count the calls that have no outcome yet."""
        return len(self.pending)

    def ring_at(self, deadline: float) -> None:
        """Let the timer ring for what is due at *deadline*, and not later.

        Raises:
            ValueError: *deadline* is not a number.
        """
        if deadline != deadline:
            raise ValueError("timeout_seconds is not a number")
        if self._timer is not None:
            self._timer.cancel()
        self.rings_at = deadline
        self._timer = self.loop.call_at(deadline + _SLACK_SECONDS, self._expire, context=self.context.copy())

    def _expire(self) -> None:
        self._timer, self.rings_at = None, inf
        now = monotonic()
        over = [call for call in self.pending.values() if call.deadline <= now]
        rest_seconds = (monotonic() - now) / _SHARE
        for call in sorted(over, key=attrgetter("deadline")):
            # Who went on because of the one before may have cancelled this.
            if self.pending.pop(call.msg_id, None) is not None:
                call.settle(None, Timeout(f"no reply within {call.timeout_seconds:g} s"))
                self.settled(call)
        # Asked last: who has gone on because of this may have begun other calls.
        if self.pending:
            first = min(call.deadline for call in self.pending.values())
            self.ring_at(min(max(first, monotonic() + rest_seconds), self.rings_at))
