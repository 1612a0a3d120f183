"""One test, from the first node's start to the last node's end."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from msgspec import Struct

from .clients import Client
from .cluster import Cluster, NotStarted
from .history import History, Operation
from .load import Load, Worker
from .nemesis import Fault, plan
from .network import Network
from .processes import CannotStart
from .router import Router
from .services import all_services
from .settings import Settings
from .violations import Violations
from .workloads.workload import Workload

Progress = Callable[[str], None]

_PROGRESS_SECONDS = 5.0
_GRACE_SECONDS = 2.0


class Record(Struct, frozen=True, kw_only=True):
    """All that was seen during a test.

    *not_started* says why there was no test, and is empty when there was one; *violations* are what
    nodes did that no node may do, whatever the workload.
    """

    operations: tuple[Operation, ...] = ()
    violations: tuple[str, ...] = ()
    not_started: str = ""
    faults: tuple[Fault, ...] = ()
    messages: int = 0
    messages_between_servers: int = 0
    messages_lost: int = 0
    duration_seconds: float = 0.0


async def run(settings: Settings, workload: Workload, log: Path, progress: Progress) -> Record:
    """Run a test; whatever happens, and if it is cancelled, no process is left behind."""
    violations = Violations()
    network = Network(
        Random(f"{settings.seed}/network"),
        latency_ms=settings.latency_ms,
        distribution=settings.latency_distribution,
        loss=settings.loss,
    )
    router = Router(network, violations.add)
    for name, service in all_services(Random(f"{settings.seed}/services")).items():
        router.connect_service(name, service)
    # Not beside the logs, which may be those of an earlier test: nodes must not wake up in its midst.
    with TemporaryDirectory(prefix="messenger-state-") as state:
        cluster = Cluster(
            settings.nodes,
            settings.command,
            router,
            prepare=workload.prepare(),
            log=log,
            state=Path(state),
            complain=violations.add,
        )
        test = _Test(settings, workload, router, cluster, violations, progress)
        grace_seconds = 0.0  # whoever interrupts a test does not want to wait
        try:
            not_started = await test.start() or await test.go_on()
            grace_seconds = _GRACE_SECONDS
        finally:
            await cluster.stop(grace_seconds)
            router.close()
    return Record(
        operations=tuple(test.history.operations),
        violations=tuple(violations.texts),
        not_started=not_started,
        faults=tuple(test.begun),
        messages=network.sent,
        messages_between_servers=network.sent_between_servers,
        messages_lost=network.lost,
        duration_seconds=test.seconds(),
    )


class _Test:
    """The order of things."""

    def __init__(
        self,
        settings: Settings,
        workload: Workload,
        router: Router,
        cluster: Cluster,
        violations: Violations,
        progress: Progress,
    ) -> None:
        self._settings = settings
        self._cluster = cluster
        self._violations = violations
        self._progress = progress
        self._started_at = time.monotonic()
        self.history = History()
        self.begun: list[Fault] = []
        self._load = Load(workload, self.history, violations.add)
        self._router = router

    def seconds(self) -> float:
        """Return how long it has taken so far."""
        return time.monotonic() - self._started_at

    async def start(self) -> str:
        """Start the nodes; return why that was not possible, or nothing."""
        try:
            started = await self._violations.none_during(self._cluster.start())
        except (NotStarted, CannotStart) as error:
            return str(error)
        if not started:
            return self._violations.texts[0]
        self._say(f"{self._settings.node_count} nodes have answered init")
        return ""

    async def go_on(self) -> str:
        """Test, for as long as nodes behave."""
        if await self._violations.none_during(self._disturb_and_drive()):
            self._say("asking for the final state")
            await self._violations.none_during(self._finish())
        return ""

    async def _disturb_and_drive(self) -> None:
        nodes, clients = self._settings.nodes, self._settings.concurrency
        workers = [self._worker(number, nodes[(number - 1) % len(nodes)]) for number in range(1, clients + 1)]
        telling = asyncio.create_task(self._tell())
        disturbing = asyncio.create_task(self._disturb())
        try:
            await self._load.drive(
                workers,
                self._settings.rate,
                self._settings.time_limit_seconds,
                Random(f"{self._settings.seed}/load"),
            )
            await disturbing
        finally:
            for task in (telling, disturbing):
                task.cancel()
            await asyncio.gather(telling, disturbing, return_exceptions=True)

    async def _finish(self) -> None:
        first = self._settings.concurrency + 1
        finishers = [self._worker(first + place, node) for place, node in enumerate(self._settings.nodes)]
        await self._load.finish(finishers, self._settings.recovery_seconds)

    def _worker(self, number: int, node: str) -> Worker:
        return Worker(Client(f"c{number}", self._router, self._violations.add), node)

    async def _disturb(self) -> None:
        settings = self._settings
        faults = plan(
            settings.nemesis,
            settings.nodes,
            interval_seconds=settings.nemesis_interval_seconds,
            limit_seconds=settings.time_limit_seconds,
            seed=f"{settings.seed}/nemesis",
        )
        began = time.monotonic()

        async def inflict(fault: Fault) -> None:
            await asyncio.sleep(fault.from_seconds - (time.monotonic() - began))
            self._say(f"{fault.kind}: {fault.caption} {' '.join(fault.nodes)}".rstrip())
            self.begun.append(fault)
            await self._cluster.begin(fault)
            await asyncio.sleep(fault.until_seconds - (time.monotonic() - began))
            try:
                await self._cluster.end(fault)
            except (NotStarted, CannotStart) as error:
                self._violations.add(f"after a kill: {error}")
            self._say(f"end of {fault.kind}")

        await asyncio.gather(*map(inflict, faults))

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(_PROGRESS_SECONDS)
            limit = self._settings.time_limit_seconds
            self._say(f"{len(self.history.operations)} operations; the limit is {limit:g} s")

    def _say(self, text: str) -> None:
        self._progress(f"{self.seconds():6.1f} s  {text}")
