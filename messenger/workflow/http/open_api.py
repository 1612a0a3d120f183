"""OpenAPI: the routes as other programs' generators and readers want them described.

Source: OpenAPI 3.1.0, whose schemas are JSON Schema 2020-12, as msgspec writes them.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec

from .answer import Answer, json_answer
from .refusal import ErrorBody
from .request import Request
from .route import Route
from .service import Service

_PLACE = re.compile(r"{(\w+)}")
_PLACES = {
    "task_id": {"type": "integer", "format": "int64", "minimum": 0},
    "namespace": {"type": "string"},
    "name": {"type": "string"},
    "step": {"type": "string"},
}
# What can come of any route, whatever it does.
_EVERYWHERE = {
    401: "The token is missing or wrong",
    403: "It comes from a page in a browser",
    429: "Too many requests are in flight",
    500: "A fault of the server",
    503: "The database is away",
}
_ERRORS = {
    400: "It cannot be read, or has other fields",
    404: "There is none",
    408: "The body did not come in time",
    409: "Not in this state",
    413: "The body is too large",
    415: "The body is not said to be JSON",
    422: "It does not fit",
    **_EVERYWHERE,
}
_ANSWERS = {200: "Done", 201: "It is new", 202: "It has not ended yet"}


async def show_description(service: Service, request: Request) -> Answer:
    """Answer with the description of all routes."""
    return _description()


@cache
def _description() -> Answer:
    from .api import ROUTES  # of which this is one

    return json_answer(describe(ROUTES.routes))


def describe(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the description of *routes*."""
    types = {each for route in routes for each in (*route.answers.values(), route.body) if _is_shape(each)}
    shapes = sorted(types | {ErrorBody}, key=lambda each: each.__name__)
    _, components = msgspec.json.schema_components(shapes, ref_template="#/components/schemas/{name}")
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "messenger workflow", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": _portable(components),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}, {}],
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "parameters": _parameters(route),
        "responses": _responses(route),
    }
    if route.body is not None:
        operation["requestBody"] = {
            "required": not route.body_optional,
            "content": {"application/json": {"schema": _reference(route.body)}},
        }
    if route.open:
        operation["security"] = []
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    return [
        *(
            {"name": name, "in": "path", "required": True, "schema": _PLACES[name]}
            for name in _PLACE.findall(route.path)
        ),
        *({"name": name, "in": "query", "schema": schema} for name, schema in route.query.items()),
        *({"name": name, "in": "header", "schema": {"type": "string"}} for name in route.headers),
    ]


def _responses(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status, shape in route.answers.items():
        kind, schema = ("text/plain", {"type": "string"}) if shape is None else ("application/json", None)
        content = {kind: {"schema": schema or _reference(shape)}}
        found[str(status)] = {"description": _ANSWERS[status], "content": content}
    for status in sorted({*route.errors, *(() if route.open else _EVERYWHERE)}):
        content = {"application/json": {"schema": _reference(ErrorBody)}}
        found[str(status)] = {"description": _ERRORS[status], "content": content}
        if status in (429, 503):
            found[str(status)]["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return found


def _is_shape(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _reference(kind: Any) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{kind.__name__}"} if _is_shape(kind) else {"type": "object"}


def _portable(schema: Any) -> Any:
    r"""Write patterns for ECMAScript, which knows no \A and \Z."""
    if isinstance(schema, list):
        return [_portable(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: value.replace(r"\A", "^").replace(r"\Z", "$")
        if key == "pattern" and isinstance(value, str)
        else _portable(value)
        for key, value in schema.items()
    }
