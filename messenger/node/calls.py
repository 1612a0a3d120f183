"""Calls: the requests of a node that wait for replies, and until when."""

from asyncio import AbstractEventLoop, TimerHandle
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any

from .call import Call
from .errors import Timeout

# Deadlines are met by a timer that is set once for many calls, so it may ring this much later than one asks.
_SLACK_SECONDS = 0.001


class Calls:
    """Calls by msg_id; *settled* hears of those whose handlers can go on because their time is over."""

    def __init__(self, loop: AbstractEventLoop, settled: Callable[[Call[Any]], object]) -> None:
        self.loop = loop
        self.settled = settled
        self.pending: dict[int, Call[Any]] = {}
        # All calls of one timeout end in the order in which they began: no heap is needed.
        self._order: dict[float, deque[int]] = {}
        self._timer: TimerHandle | None = None

    def __len__(self) -> int:
        """Count the calls that have no outcome yet."""
        return len(self.pending)

    def open(self, msg_id: int, reply_type: Any, timeout_seconds: float) -> Call[Any]:
        """Wait for the reply to *msg_id*."""
        pending = self.pending
        deadline = monotonic() + timeout_seconds
        call: Call[Any] = Call(self, msg_id, reply_type, deadline)
        pending[msg_id] = call
        order = self._order.get(timeout_seconds)
        if order is None:
            order = self._order[timeout_seconds] = deque()
        while order and order[0] not in pending:
            order.popleft()
        order.append(msg_id)
        if self._timer is None or self._timer.when() > deadline + _SLACK_SECONDS:
            self._ring_at(deadline)
        return call

    def take(self, msg_id: int) -> Call[Any] | None:
        """Return the call that waits for a reply to *msg_id*, which is answered now; None if none does."""
        return self.pending.pop(msg_id, None)

    def _ring_at(self, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_at(deadline + _SLACK_SECONDS, self._expire)

    def _expire(self) -> None:
        self._timer = None
        now = monotonic()
        for timeout_seconds, order in list(self._order.items()):
            while (call := self._first(order)) is not None and call.deadline <= now:
                del self.pending[order.popleft()]
                call.settle(None, Timeout(f"no reply within {timeout_seconds:g} s"))
                self.settled(call)
        # Asked last: who has gone on because of this may have begun other calls.
        firsts = [call for order in self._order.values() if (call := self._first(order)) is not None]
        self._order = {seconds: order for seconds, order in self._order.items() if order}
        if firsts:
            self._ring_at(min(call.deadline for call in firsts))

    def _first(self, order: deque[int]) -> Call[Any] | None:
        """Return the call that ends first of *order*, where answered ones are forgotten."""
        while order and order[0] not in self.pending:
            order.popleft()
        return self.pending[order[0]] if order else None
