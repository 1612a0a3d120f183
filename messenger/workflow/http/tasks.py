"""Tasks: created, looked at, waited for and called off."""

import asyncio
from contextlib import suppress

from ..reader import ResultsTooLarge
from ..store import Created
from ..task import Task
from .answer import Answer, json_answer
from .names import name_of, task_id_of
from .refusal import HttpRefusal
from .request import Request
from .service import Service
from .shapes import Cancellation, CreatedBody, Creation, DoneBody, ResultsBody, task_body
from .wait import wait_seconds


async def create_task(service: Service, request: Request) -> Answer:
    """Answer with the number of a task: 201 it is new, 200 its identity key was taken.

    With `?wait=`, the task comes along: as it ended, or 202 when it has not by then.
    """
    parameters = request.parameters("wait")
    seconds = wait_seconds(parameters["wait"]) if parameters else None
    namespace, name = (name_of(text, "workflow") for text in request.names)
    creation = await request.json(Creation)
    template = await service.templates.get(namespace, name, creation.version)
    created = await service.client.create(
        template,
        creation.input,
        identity_key=_identity_key(creation, request),
        priority=creation.priority,
        due_at=creation.due_at,
        watched=seconds is not None,
    )
    service.metrics.tasks_created += created.new
    status = 201 if created.new else 200
    headers = [(b"location", b"/v1/tasks/%d" % created.task_id)]
    if seconds is None:
        return json_answer(CreatedBody(*created), status, headers)
    task = await _when_ended(service, request, created, seconds)
    body = CreatedBody(*created, task_body(task, waited=True))
    return json_answer(body, status if task.ended else 202, headers)


async def show_task(service: Service, request: Request) -> Answer:
    """Answer with how a task stands; with `?wait=`, once it has ended, or 202 when it has not by then."""
    parameters = request.parameters("wait")
    task_id = task_id_of(request.names[0])
    if not parameters:
        return json_answer(task_body(await service.client.task(task_id)))
    seconds = wait_seconds(parameters["wait"])
    await request.body()  # what comes after it is that the client has hung up
    task = await _when_ended(service, request, Created(task_id, new=False), seconds)
    return json_answer(task_body(task, waited=True), 200 if task.ended else 202)


async def show_results(service: Service, request: Request) -> Answer:
    """Answer with what the steps of a task have returned so far."""
    request.parameters()
    task = await service.client.task(task_id_of(request.names[0]), results=True)
    return json_answer(ResultsBody(task.task_id, task.state, task.results or {}))


async def cancel_task(service: Service, request: Request) -> Answer:
    """Call a task off."""
    request.parameters()
    task_id = task_id_of(request.names[0])
    cancellation = await request.json(Cancellation, optional=True)
    await service.client.cancel(task_id, cancellation.reason)
    return json_answer(DoneBody(task_id))


def _identity_key(creation: Creation, request: Request) -> str | None:
    header = request.headers.get(b"idempotency-key")
    if header is None:
        return creation.identity_key
    try:
        key = header.decode()
    except UnicodeDecodeError as error:
        raise HttpRefusal(400, "bad_fields", "the Idempotency-Key is not UTF-8") from error
    if creation.identity_key not in (None, key):
        raise HttpRefusal(
            400,
            "bad_fields",
            "identity_key and the header Idempotency-Key are not the same; send one of them",
        )
    return key


async def _when_ended(service: Service, request: Request, created: Created, seconds: float) -> Task:
    """Return the task when it has ended, or as it stands when nobody waits for that any more."""
    waiting = asyncio.create_task(service.client.wait(created.task_id, seconds, watched=created.new))
    gone = asyncio.create_task(request.gone())
    gone.add_done_callback(lambda _: waiting.cancel())
    try:
        with service.until_stopping(waiting.cancel):
            await asyncio.wait([waiting])
        if not waiting.cancelled():
            with suppress(TimeoutError, ResultsTooLarge):
                return waiting.result()
    finally:
        waiting.cancel()
        gone.cancel()
    return await service.client.task(created.task_id)
