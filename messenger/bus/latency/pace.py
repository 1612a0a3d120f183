"""Pace: when each message is to be sent, whatever became of those before it.

Latency counts from the intended time, so that a stall, of whichever side, delays all that should have been
sent meanwhile, and is counted as often. Source: Gil Tene, "How NOT to Measure Latency", wrk2.
"""

import time
from collections.abc import Callable, Iterator

# asyncio.sleep rounds up to the milliseconds of epoll and would itself be the p99. To spin until it is time
# holds the GIL that the reader waits for: in process at 10,000 messages/s the p50 was 4,000 us so, not 80 us.
# A thread that sleeps wakes 50 to 60 us late, the slack that Linux gives timers, and sends what has become
# due in bursts; a shorter sleep gains only wake-ups. The hiccup floor is paced alike, and pays the same.
SHORTEST_SLEEP_NS = 50_000


def pace(first_ns: int, step_ns: float, count: int, over: Callable[[], bool]) -> Iterator[int]:
    """Yield *count* intended times, *step_ns* apart, each as soon as it has come, until *over*.

    Times are those of `time.monotonic_ns`, which all processes of a Linux machine share.
    """
    clock, sleep = time.monotonic_ns, time.sleep
    sent = 0
    while sent < count and not over():
        due = min(int((clock() - first_ns) // step_ns) + 1, count)
        for number in range(sent, due):
            yield first_ns + int(number * step_ns)
        sent = max(sent, due)
        gap_ns = first_ns + int(sent * step_ns) - clock()
        if gap_ns > 0 and sent < count:
            sleep(max(gap_ns, SHORTEST_SLEEP_NS) / 1e9)
