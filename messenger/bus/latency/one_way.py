"""One way: publishers in an open loop, and what their subscribers record."""

import asyncio
import time
from array import array
from struct import Struct

from ..connect import connect
from .pace import pace
from .part import Control, Outcome
from .plan import STAMP_BYTES, Plan

_STAMP = Struct("<q")
_LATE_SECONDS = 5.0  # after which a publisher that cannot keep up stops sending


def publish(plan: Plan, number: int, control: Control) -> Outcome:
    """Publish at the planned rate, whatever becomes of the messages; of several, take turns."""
    padding = bytes(plan.payload_bytes - STAMP_BYTES)
    step_ns = 1e9 * plan.publishers / plan.rate
    warm_up = len(range(number, plan.warm_up_messages, plan.publishers))
    count = len(range(number, plan.messages, plan.publishers))
    stamp, subject, sent = _STAMP.pack, plan.subject, -warm_up
    with connect(plan.url) as bus:
        start_ns = control.ready()
        ends_ns = start_ns + int((plan.seconds + _LATE_SECONDS) * 1e9)
        first_ns = start_ns + int((number / plan.publishers - warm_up) * step_ns)
        send = bus.publish

        def over() -> bool:
            return control.stopped() or time.monotonic_ns() > ends_ns

        for intended_ns in pace(first_ns, step_ns, warm_up + count, over):
            send(subject, stamp(intended_ns) + padding)
            sent += 1
        if not control.stopped():
            bus.flush()
    return Outcome(sent=max(sent, 0))


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
