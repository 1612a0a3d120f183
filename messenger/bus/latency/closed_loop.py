"""Closed loop: requests one after the other, and pings through bare pipes in turn with them."""

import asyncio
import time
from array import array
from contextlib import ExitStack

from ..connect import connect
from .part import Control, Outcome
from .ping_pong import Ping, between_processes, between_threads
from .plan import Plan

_TURN = 50  # round trips, after which the other kind has its turn: both see the same weather, and stay warm
_TIMEOUT_SECONDS = 5.0


def answer(plan: Plan, _number: int, control: Control) -> Outcome:
    """Send each request back until the parent has had enough."""
    if plan.reader == "loop":
        return asyncio.run(_answer_in_loop(plan, control))
    with connect(plan.url) as bus:
        subscription = bus.subscribe(plan.subject)
        with control.on_stop(subscription.close):
            control.ready()
            for request in subscription:
                bus.reply(request, request.data)
    return Outcome()


async def _answer_in_loop(plan: Plan, control: Control) -> Outcome:
    loop = asyncio.get_running_loop()
    async with connect(plan.url) as bus:
        subscription = await bus.subscribe(plan.subject)
        with control.on_stop(lambda: asyncio.run_coroutine_threadsafe(subscription.close(), loop)):
            await asyncio.to_thread(control.ready)
            async for request in subscription:
                await bus.reply(request, request.data)
    return Outcome()


def make_round_trips(plan: Plan, _number: int, control: Control) -> Outcome:
    """Request one after the other, in turn with each floor, and record how long each took."""
    with ExitStack() as stack:
        floors = {"pipe": stack.enter_context(between_processes(plan.payload_bytes))}
        if plan.in_process:
            floors["pipe_threads"] = stack.enter_context(between_threads(plan.payload_bytes))
        if plan.reader == "loop":
            return asyncio.run(_request_in_loop(plan, control, floors))
        return _request_in_thread(plan, control, floors)


class _Turns:
    """What is recorded of each kind, once the warm-up is over, and until the time is."""

    def __init__(self, plan: Plan, start_ns: int, floors: dict[str, Ping], control: Control) -> None:
        self._start_ns, self._ends_ns = start_ns, start_ns + int(plan.seconds * 1e9)
        self._floors, self._control = floors, control
        self._kinds = {kind: array("q") for kind in ("latency", *floors)}
        self.ball = bytes(plan.payload_bytes)

    def go_on(self) -> bool:
        return time.monotonic_ns() < self._ends_ns and not self._control.stopped()

    def note(self, kind: str, began_ns: int) -> None:
        now_ns = time.monotonic_ns()
        if began_ns >= self._start_ns:
            self._kinds[kind].append(now_ns - began_ns)

    def ping(self) -> None:
        for kind, ping in self._floors.items():
            for _ in range(_TURN):
                began_ns = time.monotonic_ns()
                ping(self.ball)
                self.note(kind, began_ns)

    def outcome(self) -> Outcome:
        durations = {kind: recorded.tobytes() for kind, recorded in self._kinds.items()}
        return Outcome(sent=len(self._kinds["latency"]), durations=durations)


def _request_in_thread(plan: Plan, control: Control, floors: dict[str, Ping]) -> Outcome:
    with connect(plan.url) as bus:
        turns = _Turns(plan, control.ready(), floors, control)
        while turns.go_on():
            for _ in range(_TURN):
                began_ns = time.monotonic_ns()
                bus.request(plan.subject, turns.ball, _TIMEOUT_SECONDS)
                turns.note("latency", began_ns)
            turns.ping()
    return turns.outcome()


async def _request_in_loop(plan: Plan, control: Control, floors: dict[str, Ping]) -> Outcome:
    async with connect(plan.url) as bus:
        turns = _Turns(plan, await asyncio.to_thread(control.ready), floors, control)
        while turns.go_on():
            for _ in range(_TURN):
                began_ns = time.monotonic_ns()
                await bus.request(plan.subject, turns.ball, _TIMEOUT_SECONDS)
                turns.note("latency", began_ns)
            turns.ping()
    return turns.outcome()
