"""A process of a peer: what it is told to be, and what it says of it on stdout.

It says `ready`; a client then runs its workflows once it reads a line, and says `done`. Each ends when its
stdin does, so that none outlives whoever started it, and its last line is its report.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine
from time import monotonic
from typing import Any, Literal

import msgspec

READY = "ready"
DONE = "done"
STEPS = (1, 2, 3)

_WARM_UP = 10  # at least: psycopg prepares a statement when it has run five times


class Part(msgspec.Struct, frozen=True):
    """What a process is told to be; number: among the clients, or the workers.

    in_flight: of a client, the workflows that it runs at a time; of a worker, those of all clients.
    """

    role: Literal["prepare", "worker", "client"]
    url: str
    number: int = 0
    in_flight: int = 1
    workflows: int = 0


class Report(msgspec.Struct, frozen=True):
    """What a process did. ran: workflow and number of each step; the seconds are of the monotonic clock."""

    ran: list[tuple[str, int]] = []
    latencies_ms: list[float] = []
    began_seconds: float = 0.0
    ended_seconds: float = 0.0


Role = Callable[[Part], Coroutine[Any, Any, None]]
RunWorkflow = Callable[[str], Awaitable[object]]

_ran: list[tuple[str, int]] = []


def run_step(workflow: str, step: int) -> int:
    """Do nothing but remember that it was done; the result is *step*."""
    _ran.append((workflow, step))
    return step


def names_of(part: Part) -> tuple[list[str], list[str]]:
    """Name the workflows that a client runs: those before it is ready, and those that are timed."""
    warm = max(part.in_flight, _WARM_UP)
    return (
        [f"warm-{part.number}-{i}" for i in range(warm)],
        [f"timed-{part.number}-{i}" for i in range(part.workflows)],
    )


def take_part(*roles: Role, run: Callable[..., None]) -> None:
    """Be the one of *roles* that the command line names; *run* is asyncio's, or that of another loop."""
    part = msgspec.json.decode(sys.argv[1], type=Part)
    run({role.__name__: role for role in roles}[part.role](part))


async def wait_for_end() -> None:
    """Be ready, until stdin ends."""
    _say(READY)
    await _next_line()


async def run_workflows(part: Part, run_workflow: RunWorkflow) -> Report:
    """Run what warms up, and when told to what is timed; return when stdin ends."""
    warm, timed = names_of(part)
    await _run_all(run_workflow, warm, part.in_flight)
    _say(READY)
    await _next_line()
    began = monotonic()
    latencies_ms = await _run_all(run_workflow, timed, part.in_flight)
    ended = monotonic()
    _say(DONE)
    await _next_line()
    return Report([], latencies_ms, began, ended)


def say_report(report: Report = Report()) -> None:  # noqa: B008 - it is frozen
    """Say what this process did, once nothing runs in it any more."""
    _say(msgspec.json.encode(msgspec.structs.replace(report, ran=_ran)).decode())


async def _run_all(run_workflow: RunWorkflow, names: list[str], in_flight: int) -> list[float]:
    latencies_ms = []
    left = iter(names)

    async def run_one_after_another() -> None:
        for name in left:
            began = monotonic()
            await run_workflow(name)
            latencies_ms.append((monotonic() - began) * 1e3)

    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(run_one_after_another())
    return latencies_ms


def _say(line: str) -> None:
    print(line, flush=True)


async def _next_line() -> None:
    await asyncio.to_thread(sys.stdin.readline)
