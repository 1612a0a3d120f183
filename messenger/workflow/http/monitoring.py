"""Monitoring: whether it lives, whether it can do something, and how much it does."""

from collections.abc import Iterable

from ..postgres.connection import CannotConnect
from ..session import Disconnected, NotMigrated
from .answer import Answer, json_answer
from .metrics import CONTENT_TYPE, Sample, family
from .operator import Figures
from .refusal import later
from .request import Request
from .service import Service
from .shapes import HealthBody


async def show_health(service: Service, request: Request) -> Answer:
    """Answer that the process lives, which is all that this says."""
    return json_answer(HealthBody())


async def show_readiness(service: Service, request: Request) -> Answer:
    """Answer that tasks can be created: the database is there and migrated, and nobody has told us to end."""
    if service.stopping:
        raise later(503, "stopping", "the server is about to end; ask another one")
    await service.operator.check_ready()
    return json_answer(HealthBody())


async def show_metrics(service: Service, request: Request) -> Answer:
    """Answer in the text format of Prometheus, also when the database is away."""
    try:
        figures = await service.operator.figures()
    except (CannotConnect, Disconnected, TimeoutError, NotMigrated):
        figures = None
    lines = [*service.metrics.lines(), *_gauges(service, figures)]
    return Answer(200, "".join(lines).encode(), (), CONTENT_TYPE)


def _gauges(service: Service, figures: Figures | None) -> Iterable[str]:
    def gauge(name: str, help: str, *samples: Sample) -> Iterable[str]:
        return family(f"messenger_{name}", "gauge", help, samples)

    in_flight = [
        Sample(service.working.taken, {"kind": "working"}),
        Sample(service.waiting.taken, {"kind": "waiting"}),
    ]
    yield from gauge("http_requests_in_flight", "Requests that are not answered yet.", *in_flight)
    yield from gauge("database_up", "Whether the database answers.", Sample(int(figures is not None)))
    if figures is None:
        return
    queue = [Sample(getattr(figures, state), {"state": state}) for state in ("due", "leased", "waiting")]
    yield from gauge("queue_steps", "Steps that may or do run, or wait for their time.", *queue)
    yield from gauge(
        "queue_oldest_due_seconds", "How long the oldest step is due.", Sample(figures.oldest_due_seconds)
    )
    yield from gauge("dead_letters_open", "Steps in error.", Sample(figures.open_dead_letters))
    tasks = [Sample(number, {"state": state}) for state, number in sorted(figures.tasks.items())]
    yield from gauge("tasks_estimated", "Tasks by state, as the planner estimates.", *tasks)
