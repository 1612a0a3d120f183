"""Service: what the routes have in common."""

import asyncio

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
        self.stopping = asyncio.Event()
        """Nobody is to be waited for any more."""
