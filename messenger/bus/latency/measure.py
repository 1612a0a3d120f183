"""Measure: a plan becomes a run, with what the machine did meanwhile beside it."""

import time
from collections.abc import Sequence
from contextlib import ExitStack

import msgspec

from .hosts import Host, ProcessHost, ThreadHost, collect, wait_until_ready
from .latencies import Latencies
from .part import Outcome
from .plan import Plan
from .roles import Task

_LEAD_SECONDS = 0.1  # for every part to hear of the start before it comes
_SLACK_SECONDS = 20.0  # for a publisher that cannot keep up, and for flushing what it has sent
_UNDER_WAY_SECONDS = 5.0  # after which what has not come is lost


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan has led to.

    floors: what the machine did meanwhile, by kind: "hiccup", and beside a closed loop "pipe" (ping-pong
    between two processes) and, for a bus within a process, "pipe_threads".
    """

    plan: Plan
    sent: int
    latencies: Latencies
    floors: dict[str, Latencies]

    @property
    def received(self) -> int:
        """Count what came, at all subscribers together."""
        return len(self.latencies)

    @property
    def lost(self) -> int:
        """Count what did not come within 5 s, at whichever subscriber."""
        copies = self.plan.subscribers if self.plan.mode == "one-way" else 1
        return max(self.sent * copies - self.received, 0)

    @property
    def unsent(self) -> int:
        """Count what was to be sent, and the bus was too slow for."""
        return self.plan.messages - self.sent if self.plan.mode == "one-way" else 0


def measure(plan: Plan) -> Run:
    """Measure as planned.

    Raises:
        CannotMeasure: a part could not do its own.
    """
    with ExitStack() as stack:

        def begin(role: str, count: int = 1) -> list[Host]:
            return [stack.enter_context(_host(Task(plan, role, number))) for number in range(count)]

        one_way = plan.mode == "one-way"
        takers = begin("subscriber", plan.subscribers) if one_way else begin("responder")
        _wait_for_all(takers)  # what is published before they have subscribed is nobody's
        senders = begin("publisher", plan.publishers) if one_way else begin("requester")
        watchers = begin("hiccup")
        _wait_for_all([*senders, *watchers])

        start_ns = time.monotonic_ns() + int((_LEAD_SECONDS + plan.warm_up_seconds) * 1e9)
        for host in (*takers, *watchers, *senders):
            host.start(start_ns)

        at_work_seconds = plan.seconds + plan.warm_up_seconds + _SLACK_SECONDS
        sent = [collect(host, at_work_seconds) for host in senders]
        # A responder has nothing to wait for once its requester has ended.
        taken = [collect(host, _UNDER_WAY_SECONDS if one_way else 0.0) for host in takers]
        watched = [collect(host, _SLACK_SECONDS) for host in watchers]
    return _run(plan, sent, [*sent, *taken, *watched])


def _host(task: Task) -> Host:
    # The floor would otherwise wait for the GIL of those it stands beside.
    apart = task.role == "hiccup" or not task.plan.in_process
    return ProcessHost(task) if apart else ThreadHost(task)


def _wait_for_all(hosts: Sequence[Host]) -> None:
    for host in hosts:
        wait_until_ready(host)


def _run(plan: Plan, sent: Sequence[Outcome], outcomes: Sequence[Outcome]) -> Run:
    def joined(kind: str) -> Latencies:
        return Latencies.from_bytes(*(one.durations[kind] for one in outcomes if kind in one.durations))

    kinds = {kind: None for one in outcomes for kind in one.durations if kind != "latency"}
    floors = {kind: joined(kind) for kind in ("hiccup", *kinds)}
    return Run(plan=plan, sent=sum(one.sent for one in sent), latencies=joined("latency"), floors=floors)
