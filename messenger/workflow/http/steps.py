"""Steps: those in error, mended by a person."""

from .answer import Answer, json_answer
from .names import name_of, task_id_of
from .request import Request
from .service import Service
from .shapes import DoneBody, Repetition, Resolution


async def resolve_step(service: Service, request: Request) -> Answer:
    """Give the result of a step in error, as if it had returned that."""
    task_id, step = _step_of(request)
    resolution = await request.json(Resolution)
    await service.client.resolve(task_id, step, resolution.result, resolution.reason)
    return json_answer(DoneBody(task_id))


async def retry_step(service: Service, request: Request) -> Answer:
    """Let a step in error try again."""
    task_id, step = _step_of(request)
    repetition = await request.json(Repetition, optional=True)
    await service.client.retry(task_id, step, repetition.reason)
    return json_answer(DoneBody(task_id))


def _step_of(request: Request) -> tuple[int, str]:
    request.parameters()
    task_id, step = request.names
    return task_id_of(task_id), name_of(step, "step")
