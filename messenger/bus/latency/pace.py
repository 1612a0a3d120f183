"""Pace: when each message is to be sent, whatever became of those before it.

Latency counts from the intended time, so that a stall, of whichever side, delays all that should have been
sent meanwhile, and is counted as often. Source: Gil Tene, "How NOT to Measure Latency", wrk2.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from selectors import SelectSelector

# To spin until it is time holds the GIL that the reader waits for: in process at 10,000 messages/s the p50
# was then 4,000 us, not 80 us. Whoever sleeps wakes 50 to 60 us late, the slack that Linux gives timers, and
# sends what has become due in bursts; a shorter sleep gains only wake-ups. The hiccup floor is paced alike,
# and pays the same.
SHORTEST_SLEEP_SECONDS = 50e-6

_BURST_MOST = 1000  # messages, after which one who cannot keep up looks whether it is over


class Schedule:
    """Intended times: *count* of them, *step_ns* apart, by `time.monotonic_ns`, which all processes share."""

    def __init__(self, first_ns: int, step_ns: float, count: int) -> None:
        self._first_ns, self._step_ns, self._count = first_ns, step_ns, count
        self._taken = 0

    @property
    def over(self) -> bool:
        """Claim that all were taken."""
        return self._taken >= self._count

    def take_due(self) -> Iterator[int]:
        """Take the intended times that have come since, 1,000 at most."""
        taken = self._taken
        since_ns = time.monotonic_ns() - self._first_ns
        due = min(int(since_ns // self._step_ns) + 1, self._count, taken + _BURST_MOST)
        self._taken = max(due, taken)
        for number in range(taken, self._taken):
            yield self._first_ns + int(number * self._step_ns)

    def sleep_seconds(self) -> float:
        """Tell how long to sleep until the next one comes; not at all when it has come, or none will."""
        gap_ns = self._first_ns + int(self._taken * self._step_ns) - time.monotonic_ns()
        return 0.0 if gap_ns <= 0 or self.over else max(gap_ns / 1e9, SHORTEST_SLEEP_SECONDS)


def pace(schedule: Schedule, over: Callable[[], bool]) -> Iterator[int]:
    """Yield the times of *schedule*, each as soon as it has come, until *over*; for threads."""
    while not schedule.over and not over():
        yield from schedule.take_due()
        if seconds := schedule.sleep_seconds():
            time.sleep(seconds)


async def pace_in_loop(schedule: Schedule, over: Callable[[], bool]) -> AsyncIterator[int]:
    """Do the same in an event loop, one of `precise_loop`."""
    while not schedule.over and not over():
        for intended_ns in schedule.take_due():
            yield intended_ns
        await asyncio.sleep(schedule.sleep_seconds())


def precise_loop() -> asyncio.AbstractEventLoop:
    """Make an event loop whose timers are as precise as those of a thread.

    With epoll asyncio rounds them up to milliseconds, which would itself be the p99; select takes less.
    """
    return asyncio.SelectorEventLoop(SelectSelector())
