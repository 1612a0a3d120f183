"""The nodes of a test, and everything that can be done to them."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from msgspec import ValidationError

from .clients import Client, MalformedReply, Refused
from .nemesis import Fault, FaultKind
from .network import CONTROL
from .processes import NodeProcess
from .router import Complain, Router
from .workloads.workload import Body

INIT_TIMEOUT_SECONDS = 30.0
"""How long a node may take to start: a virtual machine on a busy computer takes some."""


class NotStarted(Exception):
    """A node did not answer init, or what its workload prepares it with."""


class Cluster:
    """Nodes that are started, initialised, and put on the network when they have answered that."""

    def __init__(
        self,
        nodes: Sequence[str],
        command: Sequence[str],
        router: Router,
        *,
        prepare: Body | None,
        log: Path,
        state: Path,
        complain: Complain,
    ) -> None:
        self.nodes = tuple(nodes)
        self._router = router
        self._prepare = prepare
        self._control = Client(CONTROL, router, complain)
        self._down: dict[str, set[Fault]] = {node: set() for node in nodes}
        self._processes = {
            node: NodeProcess(
                node,
                command,
                log / f"{node}.log",
                take_line=router.post_line,
                complain=complain,
                state=state,
            )
            for node in nodes
        }

    async def start(self) -> None:
        """Start all nodes, and return when all have answered init and been prepared.

        Raises:
            NotStarted: one has not.
            CannotStart: the command cannot be run.
        """
        for node, process in self._processes.items():
            self._router.connect(node, process.deliver)
            # Who is ready first may talk to the others at once, and is heard when they are ready as well.
            self._router.network.hold(node, messages_max=None)
            await process.start()
        await asyncio.gather(*map(self._initialise, self.nodes))
        for node in self.nodes:
            self._router.release(node)

    async def begin(self, fault: Fault) -> None:
        """Let a fault begin."""
        if fault.kind is FaultKind.PARTITION:
            self._router.network.partition(fault.blocked)
        for node in fault.nodes:
            await self._take_down(node, fault)

    async def end(self, fault: Fault) -> None:
        """Undo a fault.

        Raises:
            NotStarted: a killed node does not come back.
        """
        if fault.kind is FaultKind.PARTITION:
            self._router.network.heal()
        await asyncio.gather(*(self._bring_back(node, fault) for node in fault.nodes))

    async def stop(self, grace_seconds: float) -> None:
        """Stop all nodes: ask twice, and wait so long each time, before they are killed."""
        await asyncio.gather(*(process.stop(grace_seconds) for process in self._processes.values()))

    async def _take_down(self, node: str, fault: Fault) -> None:
        process, faults = self._processes[node], self._down[node]
        if fault.kind is FaultKind.KILL:
            self._router.network.hold(node)
            faults.add(fault)
            await process.kill()
        elif not faults:
            # One that is killed is not paused as well: it might be answering init when it is hit.
            self._router.network.hold(node)
            faults.add(fault)
            process.pause()

    async def _bring_back(self, node: str, fault: Fault) -> None:
        process, faults = self._processes[node], self._down[node]
        if fault not in faults:
            return
        if fault.kind is FaultKind.PAUSE:
            process.resume()
        else:
            await process.start()
            await self._initialise(node)
        faults.discard(fault)
        if not faults:
            self._router.release(node)

    async def _initialise(self, node: str) -> None:
        init = {"type": "init", "node_id": node, "node_ids": list(self.nodes)}
        for body in filter(None, (init, self._prepare)):
            try:
                await self._control.request(node, body, INIT_TIMEOUT_SECONDS)
            except TimeoutError:
                raise NotStarted(
                    f"{node} did not answer {body['type']} within {INIT_TIMEOUT_SECONDS:g} s"
                ) from None
            except Refused as error:
                raise NotStarted(
                    f"{node} answered {body['type']} with error {error.code}: {error.text}"
                ) from error
            except (MalformedReply, ValidationError) as error:
                raise NotStarted(f"{node} answered {body['type']} wrongly: {error}") from error
