"""Makes clients do what a workload draws, at a rate, and then what it wants to know in the end."""

import asyncio
from collections.abc import Sequence
from random import Random

from msgspec import Struct, ValidationError

from .clients import Client, MalformedReply, Refused
from .error_codes import TIMEOUT, is_definite
from .history import History, Operation, Outcome
from .router import Complain
from .workloads.workload import Invocation, Workload

_CATCH_UP_SECONDS = 0.1
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 1.0


class Worker(Struct, frozen=True):
    """A client, and the one node that it talks to."""

    client: Client
    node: str


class Load:
    """The clients of one test, whose operations go to *history*."""

    def __init__(self, workload: Workload, history: History, complain: Complain) -> None:
        self._workload = workload
        self._history = history
        self._complain = complain

    async def drive(
        self, workers: Sequence[Worker], rate: float, limit_seconds: float, random: Random
    ) -> None:
        """Begin *rate* operations a second on average until the limit, and wait for the last to end.

        One that would begin while all clients are waiting is late, as in Maelstrom, and not made up for.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + limit_seconds
        next_at = loop.time()
        idle = list(workers)
        freed = asyncio.Event()

        async def work(worker: Worker) -> None:
            await self._perform(worker, self._workload.invoke(worker.client.name))
            idle.append(worker)
            freed.set()

        async with asyncio.TaskGroup() as group:
            if not rate:
                await asyncio.sleep(limit_seconds)
            while rate:
                next_at = max(next_at, loop.time() - _CATCH_UP_SECONDS) + random.uniform(0, 2 / rate)
                if next_at >= end:
                    return
                await asyncio.sleep(next_at - loop.time())
                while not idle:
                    freed.clear()
                    await freed.wait()
                if loop.time() >= end:
                    return
                group.create_task(work(idle.pop(random.randrange(len(idle)))))

    async def finish(self, workers: Sequence[Worker], recovery_seconds: float) -> None:
        """Let each worker ask what the workload wants to know in the end, until the answers are right.

        Nodes may need a while to agree after the last fault, so wrong answers count for nothing before
        *recovery_seconds* have passed: only the operations of the last round stay in the history.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + recovery_seconds
        pause = _FIRST_PAUSE_SECONDS
        while True:
            asked = await asyncio.gather(*map(self._ask, workers))
            indexes = {operation.index for operations in asked for operation in operations}
            if (
                not indexes
                or self._workload.check(self._history.operations).passed
                or loop.time() >= deadline
            ):
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            self._history.forget(indexes)

    async def _ask(self, worker: Worker) -> list[Operation]:
        operations: list[Operation] = []
        while invocation := self._workload.finish(worker.client.name, operations[-1] if operations else None):
            operations.append(await self._perform(worker, invocation, final=True))
        return operations

    async def _perform(self, worker: Worker, invocation: Invocation, *, final: bool = False) -> Operation:
        client, node, function = worker.client, worker.node, invocation.function
        begun = self._history.invoke(client.name, node, function, invocation.value, final=final)
        try:
            reply = await client.request(node, self._workload.request(invocation))
            result = self._workload.result(function, reply)
        except Refused as error:
            outcome = Outcome.FAIL if is_definite(error.code) else Outcome.INFO
            ended = self._history.complete(begun, outcome, error_code=error.code, error_text=error.text)
        except TimeoutError:
            ended = self._history.complete(
                begun, Outcome.INFO, error_code=TIMEOUT, error_text="no reply in time"
            )
        except (MalformedReply, ValidationError) as error:
            ended = self._history.complete(begun, Outcome.INFO, error_text=str(error))
            self._complain(f"{node} gave {client.name} a wrong reply to {function}: {error}")
        else:
            ended = self._history.complete(begun, Outcome.OK, result)
        self._workload.learn(ended)
        return ended
