"""App: the engine as an ASGI application, which any server of that interface can run."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Any

from .answer import Answer
from .api import ROUTES
from .guard import Guard
from .refusal import HttpRefusal, answer_of, later, refusal_of
from .request import Receive, Request, Scope
from .route import Route
from .service import Service
from .wait import MOST_SECONDS

ANSWER_SECONDS = 60.0
"""How long a request may take, besides what it asked to wait for; a body alone has half of that."""

_UNKNOWN = "none"
_access = logging.getLogger(f"{__package__}.access")

Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class App:
    """Answers requests to *service* of whom *guard* lets in; *log_access* has each in the log, as a line."""

    def __init__(self, service: Service, guard: Guard, *, log_access: bool = False) -> None:
        self._service = service
        self._guard = guard
        self._log_access = log_access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        began = perf_counter()
        route, answer = await self._answer(scope, receive)
        headers = [
            (b"content-type", answer.content_type),
            (b"content-length", b"%d" % len(answer.body)),
            *answer.headers,
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
        seconds = perf_counter() - began
        self._service.metrics.count(scope["method"], route, answer.status, seconds)
        if self._log_access:
            path = scope["raw_path"].decode("ascii", "replace")
            _access.info("%s %s %d %.1f ms", scope["method"], path, answer.status, seconds * 1e3)

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[str, Answer]:
        path = _UNKNOWN
        try:
            route, request = self._find(scope, receive)
            path = route.path
            return path, await self._handle(route, request, b"wait=" in scope["query_string"])
        except Exception as error:
            refusal = refusal_of(error)
        except asyncio.CancelledError:  # the server ends, and has waited for long enough
            refusal = later(503, "stopping", "the server has ended before this was done; it may have been")
        self._service.metrics.errors[refusal.code] += 1
        return path, answer_of(refusal)

    def _find(self, scope: Scope, receive: Receive) -> tuple[Route, Request]:
        request = Request(scope, receive)
        try:
            route, request.names = ROUTES.find(scope["method"], scope["raw_path"])
        except HttpRefusal:
            self._guard.check(request.headers)  # a stranger is not told which paths there are
            raise
        if not route.open:
            self._guard.check(request.headers)
        return route, request

    async def _handle(self, route: Route, request: Request, waits: bool) -> Answer:
        if route.monitoring:
            return await route.handler(self._service, request)
        room = self._service.waiting if waits else self._service.working
        with room:
            async with asyncio.timeout(ANSWER_SECONDS + (MOST_SECONDS if waits else 0.0)):
                return await route.handler(self._service, request)
