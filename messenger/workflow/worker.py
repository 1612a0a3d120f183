"""Worker: leases steps, has their handlers run, and records what they came to."""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from functools import partial
from itertools import count
from random import Random
from typing import Any, TypeVar

from . import store
from .attempts.runner import Runner
from .backoff import reconnect_seconds
from .doorbell import CANCELLED, RUNNABLE, Doorbell, PostgresDoorbell
from .failure import delay_after, failure_of
from .handlers import Handler, Handlers
from .held_steps import HeldSteps
from .lease import Lease
from .leased_step import LeasedStep
from .outcome import BadResult, PermanentError, outcome_of
from .postgres.connection import CannotConnect
from .session import Disconnected, Refused, Session
from .store import Completed
from .template import Step, Template
from .workflow import Workflow

_log = logging.getLogger(__name__)

_MOST_ITEMS = 500
"""Of one call: more would keep the tasks locked for longer than it saves commits."""

_Result = TypeVar("_Result")


class Worker:
    """Runs the steps of *workflows* whose tasks are in the database at *url*.

    concurrency: how many steps it holds at once. lease_seconds: how long after its death others take over.
    poll_seconds: how often it looks for work that nobody told it of: a notification that was lost, an attempt
    that is due again, a lease of another worker that ran out. connections: on which results are recorded, in
    turns. name: what the audit tables call it. drain_seconds: how long running steps may take to end after
    `stop`; others take up the rest at once. The rest is of `Runner`.

    Raises:
        ValueError: two functions have one handler name in one namespace.
    """

    def __init__(
        self,
        url: str,
        workflows: Sequence[Workflow],
        *,
        concurrency: int = 64,
        lease_seconds: float = 30.0,
        poll_seconds: float = 1.0,
        connections: int = 2,
        name: str | None = None,
        drain_seconds: float = 30.0,
        **runner: Any,
    ) -> None:
        self._url = url
        self._workflows = list(workflows)
        self._concurrency = concurrency
        self._lease = timedelta(seconds=lease_seconds)
        self._poll_seconds = poll_seconds
        self._connections = connections
        self._drain_seconds = drain_seconds
        self.name = name or f"{socket.gethostname()}:{os.getpid()}"
        self._runner = Runner(**runner)
        self._templates: dict[int, Template] = {}
        self._handlers = _handlers_of(self._workflows)
        self._handler_ids: list[int] = []
        self._held = HeldSteps(self._lease, self._lost)
        self._called_off: dict[Session, set[int]] = {}
        """Tasks that were cancelled since a connection's round began: what it leases may be theirs."""
        self._reserved = 0
        self._completed: list[Completed] = []
        self._failed: list[tuple[LeasedStep, BaseException]] = []
        self._hungry = True
        """There may be steps to claim: so it stays until a claim has found fewer than it could take."""
        self._rings = 0
        """How often it was told of some."""
        self._work = asyncio.Event()
        """There is something to record, or to claim."""
        self._stopping = asyncio.Event()
        self._hurried = asyncio.Event()
        """Nobody waits for what runs."""
        self._rounds: set[asyncio.Task[None]] = set()
        self._quiet = asyncio.Event()
        """A round has ended."""
        self._chance = Random()

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Work until `stop` is called, or this is cancelled; *ready* is called when it can claim steps.

        Raises:
            CannotConnect, NotMigrated: at the start; later it waits for the database to come back.
            TemplateChanged: one of the workflows is registered with other content.
            ValueError: two of them have a handler of one name, and are in one namespace.
        """
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._runner.close)
            sessions = [
                await stack.enter_async_context(Session(self._url)) for _ in range(self._connections + 1)
            ]
            await self._register(sessions[0])
            doorbell: Doorbell = PostgresDoorbell(
                self._url, {RUNNABLE: self._runnable, CANCELLED: self._cancelled}
            )
            await doorbell.start()
            stack.push_async_callback(doorbell.stop)
            try:
                async with asyncio.TaskGroup() as group:
                    loops = [
                        group.create_task(self._go_rounds(group, sessions[1:])),
                        group.create_task(self._held.extend(sessions[0])),
                        group.create_task(self._poll()),
                    ]
                    ready()
                    await self._stopping.wait()
                    await self._drain()
                    for each in (*loops, *self._rounds):
                        each.cancel()
            finally:
                await self._give_back(sessions[0])

    def stop(self, *, at_once: bool = False) -> None:
        """Claim nothing more, let what runs end, unless *at_once*, and let `run` return then."""
        self._stopping.set()
        self._work.set()
        if at_once:
            self._hurried.set()
            self._quiet.set()

    async def _register(self, session: Session) -> None:
        for workflow in self._workflows:
            template = workflow.template
            self._templates[await store.register_template(session, template)] = template
        if self._handlers:
            self._handler_ids = list(await store.handler_ids(session, self._handlers))

    # Claiming and recording, in rounds: one on each connection at a time.

    async def _go_rounds(self, group: asyncio.TaskGroup, sessions: Sequence[Session]) -> None:
        # The one that was used last comes first: the process that serves it is still awake.
        free: asyncio.LifoQueue[Session] = asyncio.LifoQueue()
        for session in sessions:
            free.put_nowait(session)
        while True:
            await self._work.wait()
            session = await free.get()
            # Cleared before anything is taken or claimed: what comes from now on wakes the next round.
            self._work.clear()
            completed, self._completed = self._completed[:_MOST_ITEMS], self._completed[_MOST_ITEMS:]
            failed, self._failed = self._failed, []
            if self._completed:
                self._work.set()
            work = self._go_round(session, completed, failed, claim=self._hungry)
            this = group.create_task(work)
            self._rounds.add(this)
            this.add_done_callback(partial(self._end_round, free, session))

    def _end_round(
        self, free: asyncio.LifoQueue[Session], session: Session, this: asyncio.Task[None]
    ) -> None:
        self._rounds.discard(this)
        free.put_nowait(session)
        self._quiet.set()

    async def _go_round(
        self,
        session: Session,
        completed: list[Completed],
        failed: list[tuple[LeasedStep, BaseException]],
        claim: bool,
    ) -> None:
        for held, error in failed:
            await self._fail(session, held.lease, held.step, error)
        room = self._room_for(len(completed))
        claim = claim and room > 0  # else as soon as something has ended
        if not completed and not claim:
            return
        self._reserved += room
        called_off = self._called_off[session] = set()
        rings = self._rings
        try:
            leases = await self._complete(session, completed, room, claim)
        finally:
            self._reserved -= room
        if claim and len(leases) < room and self._rings == rings:
            self._hungry = False
        if self._hungry:  # there may be more; or somebody found no room for it, while it was reserved here
            self._work.set()
        for lease in leases:
            await self._start(session, lease, called_off)
        del self._called_off[session]  # a connection may be idle for days

    def _room_for(self, completed: int) -> int:
        """Tell how many steps to lease: half of what is free, for another connection wants some as well."""
        if self._stopping.is_set():
            return 0
        free = max(0, self._concurrency - len(self._held) - self._reserved)
        return min(free, max(completed, (free + 1) // 2))

    async def _complete(
        self, session: Session, completed: list[Completed], room: int, claim: bool
    ) -> list[Lease]:
        try:
            leases, refused = await self._persist(
                lambda: store.complete_steps(
                    session,
                    completed,
                    most=room,
                    claim=claim,
                    handler_ids=self._handler_ids,
                    lease=self._lease,
                    worker=self.name,
                )
            )
        except Refused as error:
            if len(completed) > 1:  # one of them is at fault
                for one in completed:
                    await self._complete(session, [one], 0, False)
                self._runnable(None)
                return []
            if not completed:  # what it would have handed over is too much for PostgreSQL
                _log.error("cannot claim: %s", error)
                await asyncio.sleep(self._poll_seconds)
                return []
            [item] = completed
            step = (await self._template(session, item.template_id)).steps[item.position]
            await self._fail(session, item, step, BadResult(f"PostgreSQL cannot store the result: {error}"))
            return []
        for task_id, number in refused:
            _log.warning("step %d.%d: its lease was over when the result came", task_id, number)
        return leases

    async def _fail(
        self, session: Session, lease: Lease | Completed, step: Step, error: BaseException
    ) -> None:
        delay, failure = delay_after(error, step, lease.attempt, self._chance), failure_of(error)
        again = await self._persist(
            lambda: store.fail_step(session, lease, failure, delay_seconds=delay, worker=self.name)
        )
        _log.info(
            "step %d.%d (%s), attempt %d: %s",
            lease.task_id,
            lease.number,
            step.name,
            lease.attempt,
            failure["message"],
        )
        if again and delay is not None:
            asyncio.get_running_loop().call_later(delay, self._runnable, None)

    async def _persist(self, call: Callable[[], Awaitable[_Result]]) -> _Result:
        """Do *call* until the database answers: to record something twice does no harm."""
        for failures in count(1):
            try:
                return await call()
            except (Disconnected, CannotConnect) as error:
                _log.warning("%s", error)
            await asyncio.sleep(reconnect_seconds(failures, self._chance))
        raise AssertionError("unreachable")

    # Running.

    async def _start(self, session: Session, lease: Lease, called_off: set[int]) -> None:
        template = await self._template(session, lease.template_id)
        if lease.task_id in called_off:
            return
        step = template.steps[lease.position]
        held = LeasedStep(lease, step)
        self._held.add(held)
        ended = partial(self._ended, held)
        if lease.results is None:
            ended(
                None,
                PermanentError(
                    f"the results that it depends on take {lease.results_bytes:,} bytes, too many to be "
                    "handed over; return where to find them instead"
                ),
            )
            return
        handler = self._handlers[template.namespace, step.handler]
        try:
            context = held.context()
        except (ValueError, RecursionError) as error:
            ended(None, PermanentError(f"what it is given cannot be read: {error}"))
            return
        held.abandon = self._runner.run(handler, context, step.timeout_seconds, ended)

    async def _template(self, session: Session, template_id: int) -> Template:
        if template_id not in self._templates:  # another version, or another program's
            self._templates[template_id] = await self._persist(
                lambda: store.template_by_id(session, template_id)
            )
        return self._templates[template_id]

    def _ended(self, held: LeasedStep, returned: Any, error: BaseException | None) -> None:
        lease = held.lease
        self._held.end(held)
        if not held.lost:
            if error is None:
                try:
                    result = outcome_of(held.step, returned).result.decode()
                    self._completed.append(
                        Completed(
                            lease.task_id,
                            lease.number,
                            lease.attempt,
                            result,
                            lease.template_id,
                            lease.position,
                        )
                    )
                except BadResult as bad:
                    error = bad
            if error is not None:
                self._failed.append((held, error))
        self._work.set()

    # Rung for.

    def _runnable(self, handler_id: str | None) -> None:
        if handler_id is None or int(handler_id) in self._handler_ids:
            self._hungry = True
            self._rings += 1
            self._work.set()

    def _cancelled(self, task_id: str | None) -> None:
        if task_id is None:  # one may have been missed
            self._held.check()
            return
        for called_off in self._called_off.values():
            called_off.add(int(task_id))
        self._held.lose_task(int(task_id))

    def _lost(self) -> None:
        self._hungry = True
        self._work.set()

    async def _poll(self) -> None:
        while True:
            self._runnable(None)
            await asyncio.sleep(self._poll_seconds)

    # Stopping.

    async def _drain(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._drain_seconds):
                while not self._hurried.is_set() and self._is_busy():
                    self._quiet.clear()
                    await self._quiet.wait()

    def _is_busy(self) -> bool:
        return bool(self._held or self._completed or self._failed or self._rounds)

    async def _give_back(self, session: Session) -> None:
        """Let others have at once what has not ended in time."""
        with suppress(Disconnected, CannotConnect):
            if await self._held.give_back(session):
                await store.tell_runnable(session, self._handler_ids)


def _handlers_of(workflows: Sequence[Workflow]) -> dict[tuple[str, str], Handler]:
    # The queue knows a handler by its namespace and name: of two functions, one would do the other's steps.
    of_namespace: dict[str, Handlers] = {}
    for workflow in workflows:
        handlers = of_namespace.setdefault(workflow.template.namespace, Handlers())
        for handler in workflow.handlers:
            handlers.put(handler)
    return {
        (namespace, handler.name): handler
        for namespace, handlers in of_namespace.items()
        for handler in handlers
    }
