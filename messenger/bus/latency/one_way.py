"""One way: publishers in an open loop, and what their subscribers record."""

import asyncio
import time
from array import array
from struct import Struct

from ..connect import connect
from .pace import Schedule, pace, pace_in_loop, precise_loop
from .part import Control, Outcome
from .plan import STAMP_BYTES, Plan

_STAMP = Struct("<q")
_LATE_SECONDS = 5.0  # after which a publisher that cannot keep up stops sending


def publish(plan: Plan, number: int, control: Control) -> Outcome:
    """Publish at the planned rate, whatever becomes of the messages; of several, take turns."""
    if plan.in_process:
        return _publish_in_thread(plan, number, control)
    # A thread beside the loop of its bus hands each message on, and waits for its GIL: over NATS at 10,000
    # messages/s the p50 was 310 us so, and is 260 us from within the loop.
    with asyncio.Runner(loop_factory=precise_loop) as runner:
        return runner.run(_publish_in_loop(plan, number, control))


class _Turn:
    """The part of the schedule that is one publisher's, the warm-up first, and what it sends."""

    def __init__(self, plan: Plan, number: int, start_ns: int, control: Control) -> None:
        step_ns = 1e9 * plan.publishers / plan.rate
        self._warm_up = len(range(number, plan.warm_up_messages, plan.publishers))
        count = self._warm_up + len(range(number, plan.messages, plan.publishers))
        first_ns = start_ns + int((number / plan.publishers - self._warm_up) * step_ns)
        self.schedule = Schedule(first_ns, step_ns, count)
        self._ends_ns = start_ns + int((plan.seconds + _LATE_SECONDS) * 1e9)
        self._control = control
        self.padding = bytes(plan.payload_bytes - STAMP_BYTES)

    def over(self) -> bool:
        return self._control.stopped() or time.monotonic_ns() > self._ends_ns

    def outcome(self, sent: int) -> Outcome:
        return Outcome(sent=max(sent - self._warm_up, 0))


def _publish_in_thread(plan: Plan, number: int, control: Control) -> Outcome:
    sent, stamp = 0, _STAMP.pack
    with connect(plan.url) as bus:
        turn = _Turn(plan, number, control.ready(), control)
        for intended_ns in pace(turn.schedule, turn.over):
            bus.publish(plan.subject, stamp(intended_ns) + turn.padding)
            sent += 1
    return turn.outcome(sent)


async def _publish_in_loop(plan: Plan, number: int, control: Control) -> Outcome:
    sent, stamp = 0, _STAMP.pack
    async with connect(plan.url) as bus:
        turn = _Turn(plan, number, await asyncio.to_thread(control.ready), control)
        async for intended_ns in pace_in_loop(turn.schedule, turn.over):
            await bus.publish(plan.subject, stamp(intended_ns) + turn.padding)
            sent += 1
    return turn.outcome(sent)


class Recorder:
    """Takes down how long after its intended time each message came; those before the start do not count."""

    def __init__(self, start_ns: int, expected: int) -> None:
        self._start_ns, self._expected = start_ns, expected
        self.durations_ns = array("q")

    def take(self, data: bytes) -> bool:
        """Take down one; claims that all have come."""
        now_ns = time.monotonic_ns()
        (intended_ns,) = _STAMP.unpack_from(data)
        if intended_ns >= self._start_ns:
            self.durations_ns.append(now_ns - intended_ns)
        return len(self.durations_ns) >= self._expected

    def outcome(self) -> Outcome:
        """Return what was taken down."""
        return Outcome(durations={"latency": self.durations_ns.tobytes()})


def receive(plan: Plan, _number: int, control: Control) -> Outcome:
    """Subscribe, and record until all have come or the parent has waited long enough."""
    if plan.reader == "loop":
        return asyncio.run(_receive_in_loop(plan, control))
    with connect(plan.url) as bus:
        subscription = bus.subscribe(plan.subject)
        with control.on_stop(subscription.close):
            recorder = Recorder(control.ready(), plan.messages)
            for message in subscription:
                if recorder.take(message.data):
                    break
    return recorder.outcome()


async def _receive_in_loop(plan: Plan, control: Control) -> Outcome:
    loop = asyncio.get_running_loop()
    async with connect(plan.url) as bus:
        subscription = await bus.subscribe(plan.subject)
        with control.on_stop(lambda: asyncio.run_coroutine_threadsafe(subscription.close(), loop)):
            recorder = Recorder(await asyncio.to_thread(control.ready), plan.messages)
            async for message in subscription:
                if recorder.take(message.data):
                    break
    return recorder.outcome()
