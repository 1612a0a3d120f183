"""Client: creates tasks, asks how they are, and waits for their end."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import msgspec

from . import store
from .errors import WorkflowError
from .input_schema import check_input
from .json_value import encode_json
from .outcome import outcome_of
from .postgres.connection import CannotConnect
from .reader import Reader
from .session import Disconnected, Session
from .state import StepState, TaskState
from .store import Created, NewTask
from .task import DeadLetter, Task, TaskHead
from .template import Template
from .together import Together
from .watcher import Watcher
from .workflow import Workflow

_MOST_KEY = 500
_PRIORITIES = range(-32768, 32768)
_PAUSE_SECONDS = 0.1


class UnknownTask(WorkflowError, LookupError):
    """There is no such task, or it has no such step."""


class WrongState(WorkflowError):
    """What was asked for cannot be done in the state that the task or the step is in."""


class BadTask(WorkflowError, ValueError):
    """A task that cannot be created as it was asked for."""


class Client:
    """Creates tasks in the database at *url*, and follows them; `async with` connects and disconnects.

    connections: how many statements may run at once. Tasks that are created while all are taken are created
    together, in one transaction. poll_seconds: how often it looks whether a task that is waited for has
    ended, in case a notification was lost.
    """

    def __init__(self, url: str, *, connections: int = 2, poll_seconds: float = 1.0) -> None:
        self._sessions = [Session(url) for _ in range(connections)]
        self._free: asyncio.LifoQueue[Session] = asyncio.LifoQueue()
        self._creator: Together[NewTask, Created] = Together(self._session, store.create_tasks)
        self._reader = Reader(self._session)
        self._watcher = Watcher(url, self._session, poll_seconds)
        self._registered: dict[tuple[str, str, str], tuple[Template, int]] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for session in self._sessions:
            await self._stack.enter_async_context(session)
            self._free.put_nowait(session)
        self._stack.push_async_callback(self._watcher.stop)
        await self._sessions[-1].connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def register(self, workflow: Workflow | Template) -> int:
        """Store the template, unless it is stored; creating a task of it does this too. Returns its number.

        Raises:
            TemplateChanged: its version is registered with other content.
        """
        template = workflow.template if isinstance(workflow, Workflow) else workflow
        name = (template.namespace, template.name, template.version)
        known = self._registered.get(name)
        if known is None or (known[0] is not template and known[0] != template):
            async with self._session() as session:
                known = template, await store.register_template(session, template)
            self._registered[name] = known
        return known[1]

    async def create(
        self,
        workflow: Workflow | Template,
        input: Any = None,
        *,
        identity_key: str | None = None,
        priority: int = 0,
        due_at: datetime | None = None,
        watched: bool = False,
    ) -> Created:
        """Create a task; when this returns, it survives any crash.

        identity_key: of 1 to 500 characters; a second task with it is the first one, whatever the version
        of the template. priority: from -32,768 to 32,767; steps of the higher are claimed first. due_at:
        when it may begin at the earliest, with its time zone. watched: `wait` follows, see there.

        Returns its number, and whether it is new.

        Raises:
            BadInput: the template's schema does not allow *input*.
            NotJson: *input* cannot be stored.
            BadTask: one of the rest is out of range.
            Disconnected: it may have been created or not; with an identity key, trying again is safe.
        """
        template = workflow.template if isinstance(workflow, Workflow) else workflow
        template_id = await self.register(template)
        new = _new_task(template, template_id, input, identity_key, priority, due_at)
        if watched:
            await self._watcher.start()
        return await self._creator.ask(new._replace(watched=watched))

    async def run(
        self,
        workflow: Workflow | Template,
        input: Any = None,
        *,
        identity_key: str | None = None,
        priority: int = 0,
        due_at: datetime | None = None,
        timeout_seconds: float | None = None,
    ) -> Task:
        """Create a task as `create` does, and wait for its end as `wait` does."""
        async with asyncio.timeout(timeout_seconds):
            created = await self.create(
                workflow, input, identity_key=identity_key, priority=priority, due_at=due_at, watched=True
            )
            return await self._end_of(created.task_id, watched=created.new)

    async def wait(
        self, task_id: int, timeout_seconds: float | None = None, *, watched: bool = False
    ) -> Task:
        """Return the task with its results when it is complete, in error or cancelled.

        watched: this client has just created it so, and it was new; spares asking for it twice. While the
        database is away, it goes on waiting.

        Raises:
            UnknownTask: there is none.
            TimeoutError: it has not ended by then.
        """
        async with asyncio.timeout(timeout_seconds):
            return await self._end_of(task_id, watched=watched)

    async def task(self, task_id: int, *, results: bool = False) -> Task:
        """Return how the task stands; with *results*, also what its steps have returned.

        Raises:
            UnknownTask: there is none.
            ResultsTooLarge: they take more than 32 MiB together.
        """
        _check_number(task_id)
        task = await self._reader.task(task_id, results=results)
        if task is None:
            raise UnknownTask(f"there is no task {task_id}")
        return task

    async def tasks(
        self, *, most: int = 100, before: int | None = None, states: Iterable[TaskState] = tuple(TaskState)
    ) -> list[TaskHead]:
        """Return the tasks that were created last and are in one of *states*, the latest first.

        *before* is the number of a task: only earlier ones are returned. Of a state that few are in, all
        tasks that were created since are read.
        """
        async with self._session() as session:
            return await store.tasks(session, most=most, before=before, states=states)

    async def template(self, name: str, namespace: str = "default", version: str | None = None) -> Template:
        """Return a template that was registered; without *version*, the last one.

        Raises:
            UnknownTask: there is none.
        """
        async with self._session() as session:
            found = await store.template_by_name(session, namespace, name, version)
        if found is None:
            raise UnknownTask(
                f"there is no template {namespace}/{name} {version or 'of any version'}".rstrip()
            )
        template_id, template = found
        self._registered[namespace, name, template.version] = template, template_id
        return template

    async def cancel(self, task_id: int, reason: str = "") -> None:
        """Call the task off: no worker can claim anything of it from now on, and no result is recorded.

        A worker that has a step of it is told, and stops it, or does not begin it; that takes as long as a
        notification does. Cancelling it twice is fine.

        Raises:
            UnknownTask: there is none.
            WrongState: it is complete.
        """
        _check_number(task_id)
        async with self._session() as session:
            before = await store.cancel_task(session, task_id, reason)
        if before is None:
            raise UnknownTask(f"there is no task {task_id}")
        if before is TaskState.COMPLETE:
            raise WrongState(f"task {task_id} is complete, so there is nothing to cancel")

    async def resolve(self, task_id: int, step: str, result: Any, reason: str = "") -> None:
        """Give *result* for a step in error, as if it had returned that; for each clone in error, of a batch.

        Raises:
            UnknownTask, WrongState: there is no such step, or it is not in error.
            BadResult: such a step cannot return that.
        """
        encoded = await self._encoded_result(task_id, step, result)
        async with self._session() as session:
            for number in await self._failed_numbers(session, task_id, step):
                await store.resolve_step(session, task_id, number, encoded, reason)

    async def retry(self, task_id: int, step: str, reason: str = "") -> None:
        """Let a step in error try again, as often as its template says; each clone in error, of a batch.

        Raises:
            UnknownTask, WrongState: there is no such step, or it is not in error.
        """
        _check_number(task_id)
        async with self._session() as session:
            for number in await self._failed_numbers(session, task_id, step):
                await store.retry_step(session, task_id, number, reason)

    async def dead_letters(
        self, *, most: int = 100, before: int | None = None, settled: bool = False
    ) -> list[DeadLetter]:
        """Return what failed for good, the latest first; with *settled*, also what was seen to.

        *before* is the number of a dead letter: only earlier ones are returned.
        """
        async with self._session() as session:
            return await store.dead_letters(session, most=most, before=before, settled=settled)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Session]:
        session = await self._free.get()
        try:
            yield session
        finally:
            self._free.put_nowait(session)

    async def _end_of(self, task_id: int, *, watched: bool = False) -> Task:
        while True:
            try:
                if not watched:
                    await self.task(task_id)  # or it would be waited for though there is none
                await self._watcher.wait(task_id, watched=watched)
                task = await self.task(task_id, results=True)
                if task.ended:
                    return task
            except (Disconnected, CannotConnect):
                await asyncio.sleep(_PAUSE_SECONDS)
            watched = False  # what was heard of was an error, after which it was let try again

    async def _encoded_result(self, task_id: int, step: str, result: Any) -> str:
        template = (await self.task(task_id)).template
        try:
            return outcome_of(template.step(step), result).result.decode()
        except KeyError as error:
            raise UnknownTask(f"task {task_id} has no step {step!r}") from error

    async def _failed_numbers(self, session: Session, task_id: int, step: str) -> list[int]:
        states = await store.numbers_of_step(session, task_id, step)
        if not states:
            raise UnknownTask(f"there is no task {task_id} with a step {step!r}")
        failed = [number for number, state in states if state is StepState.ERROR]
        if not failed:
            found = ", ".join(sorted({state for _, state in states}))
            raise WrongState(f"step {step!r} of task {task_id} is {found}; only one in error can be mended")
        return failed


def _check_number(task_id: int) -> None:
    if not -(2**63) <= task_id < 2**63:  # more than the database could be asked for
        raise UnknownTask(f"there is no task {task_id}")


def _stores(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _new_task(
    template: Template,
    template_id: int,
    input: Any,
    identity_key: str | None,
    priority: int,
    due_at: datetime | None,
) -> NewTask:
    if identity_key is not None and not (1 <= len(identity_key) <= _MOST_KEY and _stores(identity_key)):
        raise BadTask(
            f"identity_key has {len(identity_key)} characters; give 1 to {_MOST_KEY}, none of them U+0000 or "
            "half of a surrogate pair"
        )
    if priority not in _PRIORITIES:
        raise BadTask(f"priority is {priority}; give a whole number from -32,768 to 32,767")
    if due_at is not None and due_at.utcoffset() is None:
        raise BadTask(f"due_at is {due_at}, which names no time zone; add one, as in datetime.now(UTC)")
    encoded = encode_json(input)
    if template.input_schema is not None:
        check_input(msgspec.json.decode(encoded), template.input_schema)
    return NewTask(template_id, encoded.decode(), identity_key, priority, due_at)
