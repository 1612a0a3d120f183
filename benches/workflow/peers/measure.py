"""Starts a peer's processes on a database of their own, and reports what they did.

`python -m benches.workflow.peers.measure PEER URL IN_FLIGHT WORKFLOWS` prints it.
"""

import asyncio
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import msgspec

from .process import DONE, READY, STEPS, Part, Report, names_of

TIMEOUT_SECONDS = 60.0

_ROOT = Path(__file__).parents[3]
_LINE_BYTES_MAX = 2**26  # a report has a line for all of its steps


class Peer(msgspec.Struct, frozen=True):
    """How many processes it takes when many workflows are in flight, and what pip installs."""

    workers: int
    clients: int
    requirement: str


PEERS = {
    "dbos": Peer(workers=0, clients=2, requirement="dbos"),
    "procrastinate": Peer(workers=2, clients=1, requirement="procrastinate"),
    "pgqueuer": Peer(workers=1, clients=1, requirement="pgqueuer[asyncpg]"),
}


class PeerMissing(Exception):
    """The peer is not installed."""


class PeerFailed(Exception):
    """A process of the peer ended, hung, or did not do what it was to do."""


class Measured(msgspec.Struct, frozen=True):
    """What clients saw. latencies_ms: from the call that creates a workflow until its end is known."""

    completed: int
    workflows_per_second: float
    latencies_ms: list[float]

    def latency_ms(self, fraction: float) -> float:
        """Return the latency that *fraction* of the workflows did not exceed: 0.5 is the median."""
        return sorted(self.latencies_ms)[min(int(fraction * self.completed), self.completed - 1)]


def measure(peer: str, url: str, in_flight: int, workflows: int) -> Measured:
    """Run `linear(3)` *workflows* times, *in_flight* at a time, in the empty database *url*.

    Each process warms up before the clock starts. Its processes have ended when this returns or raises.

    Raises:
        PeerMissing: it is not installed.
        PeerFailed: a step did not run exactly once, or a process failed or took more than 60 seconds.
    """
    if find_spec(peer) is None:
        raise PeerMissing(
            f"{peer} is not installed; install it with: pip install '{PEERS[peer].requirement}'"
        )
    parts = _parts(PEERS[peer], url, in_flight, workflows)
    clients = [part for part in parts if part.role == "client"]
    reports = asyncio.run(_run(peer, parts))
    _check_steps(peer, clients, reports)
    timed = [report for report in reports if report.latencies_ms]
    latencies_ms = [latency for report in timed for latency in report.latencies_ms]
    seconds = max(report.ended_seconds for report in timed) - min(report.began_seconds for report in timed)
    return Measured(len(latencies_ms), len(latencies_ms) / seconds, latencies_ms)


def _parts(peer: Peer, url: str, in_flight: int, workflows: int) -> list[Part]:
    """Tell each process what to be; with one workflow in flight, one of each kind is enough."""
    workers, clients = min(peer.workers, in_flight), min(peer.clients, in_flight)
    return [
        *(Part("worker", url, number, in_flight) for number in range(workers)),
        *(
            Part(
                "client", url, number, _share(in_flight, number, clients), _share(workflows, number, clients)
            )
            for number in range(clients)
        ),
    ]


def _share(total: int, number: int, sharers: int) -> int:
    return total // sharers + (number < total % sharers)


async def _run(peer: str, parts: list[Part]) -> list[Report]:
    """Let the processes work, and return their reports."""
    with tempfile.TemporaryFile() as errors:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await _work(peer, parts, errors)
        except TimeoutError:
            problem = f"took more than {TIMEOUT_SECONDS:g} s"
        except PeerFailed as failed:
            problem = str(failed)
        errors.seek(0)
        raise PeerFailed(f"{peer} {problem}, and said:\n{errors.read().decode(errors='replace')[-4000:]}")


async def _work(peer: str, parts: list[Part], errors: IO[bytes]) -> list[Report]:
    async with _started(peer, [Part("prepare", parts[0].url)], errors) as [preparing]:
        if status := await preparing.wait():
            raise PeerFailed(f"could not prepare the database: exit code {status}")
    workers = [part for part in parts if part.role == "worker"]
    clients = [part for part in parts if part.role == "client"]
    async with _started(peer, workers, errors) as working, _started(peer, clients, errors) as creating:
        for process in (*working, *creating):
            await _read(process, READY)
        for process in creating:
            process.stdin.write(b"go\n")
        for process in creating:
            await _read(process, DONE)
        return [await _report(process) for process in (*creating, *working)]


@asynccontextmanager
async def _started(peer: str, parts: list[Part], errors: IO[bytes]) -> AsyncIterator[list[Process]]:
    """Start a process for each of *parts*; in the end each has ended, or is killed."""
    processes = []
    try:
        for part in parts:
            command = (
                sys.executable,
                "-m",
                f"benches.workflow.peers.{peer}",
                msgspec.json.encode(part).decode(),
            )
            processes.append(
                await asyncio.create_subprocess_exec(
                    *command, stdin=PIPE, stdout=PIPE, stderr=errors, cwd=_ROOT, limit=_LINE_BYTES_MAX
                )
            )
        yield processes
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _read(process: Process, expected: str) -> None:
    line = (await process.stdout.readline()).decode().strip()
    if line != expected:
        raise PeerFailed(f'said "{line}" where "{expected}" was expected')


async def _report(process: Process) -> Report:
    """Let *process* end, which it does when its stdin ends."""
    output, _ = await process.communicate(b"")  # without input, communicate() leaves stdin open
    if process.returncode or not output:
        raise PeerFailed(f"ended with exit code {process.returncode} in place of a report")
    return msgspec.json.decode(output, type=Report)


def _check_steps(peer: str, clients: list[Part], reports: list[Report]) -> None:
    ran = Counter(step for report in reports for step in report.ran)
    expected = {
        (name, step) for part in clients for names in names_of(part) for name in names for step in STEPS
    }
    if missing := expected - ran.keys():
        raise PeerFailed(f"{peer} left out {len(missing)} of {len(expected)} steps, such as {min(missing)}")
    if repeated := [step for step, times in ran.items() if times > 1]:
        raise PeerFailed(
            f"{peer} ran {len(repeated)} of {len(expected)} steps again, such as {min(repeated)}"
        )


if __name__ == "__main__":
    peer, url, in_flight, workflows = sys.argv[1:]
    measured = measure(peer, url, int(in_flight), int(workflows))
    print(
        f"{peer}, {in_flight} in flight: {measured.workflows_per_second:.0f} workflows/s, "
        f"p50 {measured.latency_ms(0.5):.2f} ms, p99 {measured.latency_ms(0.99):.2f} ms"
    )
