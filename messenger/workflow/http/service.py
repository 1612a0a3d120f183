"""Service: what the routes have in common."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..client import Client
from .metrics import Metrics
from .operator import Operator
from .room import Room
from .template_cache import TemplateCache

MOST_WORKING = 512
MOST_WAITING = 2000
"""For the end of a task, which takes a connection and no work."""


class Service:
    """The engine that is served, and what is known of those it is served to."""

    def __init__(
        self,
        client: Client,
        operator: Operator,
        *,
        most_working: int = MOST_WORKING,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self.client = client
        self.operator = operator
        self.templates = TemplateCache(client.template)
        self.metrics = Metrics()
        self.working = Room(most_working, "requests")
        self.waiting = Room(most_waiting, "requests that wait")
        self._stopping = False
        self._when_stopping: dict[object, Callable[[], object]] = {}

    @property
    def stopping(self) -> bool:
        """Whether nobody is to be waited for any more."""
        return self._stopping

    def stop(self) -> None:
        """Wait for nobody any more."""
        self._stopping = True
        for call in list(self._when_stopping.values()):
            call()

    @contextmanager
    def until_stopping(self, call: Callable[[], object]) -> Iterator[None]:
        """Make *call* when it is to stop, should that be within the block."""
        if self._stopping:
            call()
        key = object()
        self._when_stopping[key] = call
        try:
            yield
        finally:
            del self._when_stopping[key]
