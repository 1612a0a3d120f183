"""Route: a method and a path, who answers them, and what they say to whom."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from .answer import Answer
from .refusal import HttpRefusal
from .request import Request
from .service import Service

Handler = Callable[[Service, Request], Awaitable[Answer]]


class Route(Struct, frozen=True, kw_only=True):
    """One thing that can be asked for."""

    method: str
    path: str
    """Such as /v1/tasks/{task_id}."""
    handler: Handler
    summary: str
    answers: Mapping[int, Any]
    """The type of the body by status, of those that are no errors; None is text."""
    errors: Sequence[int] = ()
    body: Any = None
    """The type of the body that is sent."""
    body_optional: bool = False
    query: Mapping[str, Mapping[str, Any]] = {}
    """The schema of each parameter."""
    headers: Sequence[str] = ()
    open: bool = False
    """For whoever has no token."""
    monitoring: bool = False
    """It is answered however much else is asked for."""


class Routes:
    """Finds routes by what is asked for."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = tuple(routes)
        self._by_path: dict[int, list[tuple[tuple[str, ...], dict[str, Route]]]] = {}
        for route in routes:
            parts = tuple(route.path.split("/"))
            same_length = self._by_path.setdefault(len(parts), [])
            methods = next((methods for found, methods in same_length if found == parts), None)
            if methods is None:
                same_length.append((parts, methods := {}))
            methods[route.method] = route

    def find(self, method: str, raw_path: bytes) -> tuple[Route, tuple[str, ...]]:
        """Return the route, and what the path says in its open places.

        Each part is decoded by itself: an encoded slash is part of a name, and parts no names.

        Raises:
            HttpRefusal: there is no such path, or it has no such method.
        """
        try:
            parts = raw_path.decode("ascii").split("/")
            if b"%" in raw_path:
                parts = [unquote_to_bytes(part).decode() for part in parts]
        except UnicodeDecodeError as error:
            raise HttpRefusal(400, "bad_path", "the path is not UTF-8") from error
        for pattern, methods in self._by_path.get(len(parts), ()):
            names = _names(pattern, parts)
            if names is None:
                continue
            # HEAD is GET to us, and the server leaves the body out.
            route = methods.get("GET" if method == "HEAD" else method)
            if route is None:
                raise _wrong_method(method, methods)
            return route, names
        raise HttpRefusal(
            404, "no_such_path", "there is nothing at this path; GET /openapi.json lists what is"
        )


def _names(pattern: tuple[str, ...], parts: list[str]) -> tuple[str, ...] | None:
    names = []
    for wanted, part in zip(pattern, parts, strict=True):
        if wanted.startswith("{") and part:
            names.append(part)
        elif wanted != part:
            return None
    return tuple(names)


def _wrong_method(method: str, methods: Mapping[str, Route]) -> HttpRefusal:
    allowed = sorted({*methods, *(["HEAD"] if "GET" in methods else [])})
    return HttpRefusal(
        405,
        "wrong_method",
        f"{method} is nothing that can be done with this path; {', '.join(allowed)} is",
        headers=[(b"allow", ", ".join(allowed).encode())],
    )
