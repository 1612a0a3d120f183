"""Hiccup: how late this machine wakes a thread that has nothing to do but to look at the clock.

No bus can be more punctual than that. Source: Gil Tene, jHiccup.
"""

import time
from array import array

from .pace import Schedule, pace
from .part import Control, Outcome
from .plan import Plan

_ROUND_TRIP_RATE = 10_000  # looks at the clock a second beside a closed loop, which has no rate of its own
_RATE_MOST = 50_000  # beyond, looking would itself be what is late


def watch(plan: Plan, _number: int, control: Control) -> Outcome:
    """Record the lateness at the very times at which messages are to be sent, 50,000 a second at most."""
    rate = min(plan.rate, _RATE_MOST) if plan.mode == "one-way" else _ROUND_TRIP_RATE
    late_ns, clock = array("q"), time.monotonic_ns
    start_ns = control.ready()
    schedule = Schedule(start_ns, 1e9 / rate, max(round(rate * plan.seconds), 1))
    for intended_ns in pace(schedule, control.stopped):
        late_ns.append(clock() - intended_ns)
    return Outcome(durations={"hiccup": late_ns.tobytes()})
