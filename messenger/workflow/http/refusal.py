"""Refusal: why a request is not answered as it hoped, in the one shape that errors have."""

import logging
import secrets
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from ..client import BadTask, UnknownTask, WrongState
from ..input_schema import BadInput
from ..json_value import NotJson
from ..outcome import BadResult
from ..postgres.connection import CannotConnect
from ..problem import BadTemplate, Problem
from ..reader import ResultsTooLarge
from ..session import Disconnected, NotMigrated, Refused
from ..store import TemplateChanged
from .answer import Answer, Headers, json_answer

RETRY_SECONDS = 1

_log = logging.getLogger(__name__)


class Place(Struct, frozen=True, omit_defaults=True):
    """What is wrong at one *place*, such as `input.amount`."""

    place: str
    text: str
    line: int | None = None


class Said(Struct, frozen=True):
    """What went wrong: *code* for programs, *message* for people, and *detail* by place if known."""

    code: str
    message: str
    detail: tuple[Place, ...] = ()


class ErrorBody(Struct, frozen=True):
    """The body of every answer that is an error."""

    error: Said


class HttpRefusal(Exception):
    """Raised to answer with an error."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        problems: Sequence[Problem] = (),
        headers: Headers = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.problems = problems
        self.headers = headers


def later(status: int, code: str, message: str) -> HttpRefusal:
    """Return a refusal of what may be asked again."""
    return HttpRefusal(status, code, message, headers=[(b"retry-after", b"%d" % RETRY_SECONDS)])


def answer_of(refusal: HttpRefusal) -> Answer:
    """Return what the client is told."""
    places = tuple(Place(each.place, each.text, each.line) for each in refusal.problems)
    body = ErrorBody(Said(refusal.code, refusal.message, places))
    return json_answer(body, refusal.status, refusal.headers)


def refusal_of(error: Exception) -> HttpRefusal:
    """Say what an error of the engine means to a client.

    What only an operator should see, such as where the database is, or a bug's traceback, is logged instead.
    """
    if isinstance(error, HttpRefusal):
        return error
    for kind, refuse in _KINDS.items():
        if isinstance(error, kind):
            return refuse(error)
    incident = secrets.token_hex(4)
    _log.error("incident %s: %s", incident, error, exc_info=error)
    return HttpRefusal(
        500, "internal", f"this is a fault of the server; its log tells more, under incident {incident}"
    )


def _as_it_says(status: int, code: str) -> Callable[[Any], HttpRefusal]:
    def refuse(error: Exception) -> HttpRefusal:
        return HttpRefusal(status, code, str(error), getattr(error, "problems", ()))

    return refuse


def _disconnected(error: Exception) -> HttpRefusal:
    _log.warning("%s", error)
    return later(
        503,
        "database_lost",
        "the database went away meanwhile, so this may have been done or not; "
        "ask again: what has an identity key is not done twice",
    )


def _away(error: Exception) -> HttpRefusal:
    _log.warning("%s", error)
    return later(503, "database_away", "the database does not answer, so nothing was done; ask again")


def _too_late(error: Exception) -> HttpRefusal:
    return later(
        503,
        "database_slow",
        "the database has not answered in time, so this may be done yet or not; "
        "ask again: what has an identity key is not done twice",
    )


def _not_migrated(error: Exception) -> HttpRefusal:
    _log.warning("%s", error)
    return later(503, "not_migrated", "the database is not ready for workflows; the server's log tells more")


_KINDS: dict[type[Exception], Callable[[Any], HttpRefusal]] = {
    BadInput: _as_it_says(422, "bad_input"),
    NotJson: _as_it_says(422, "not_storable"),
    Refused: _as_it_says(422, "not_storable"),
    BadResult: _as_it_says(422, "bad_result"),
    BadTemplate: _as_it_says(422, "bad_template"),
    ResultsTooLarge: _as_it_says(422, "results_too_large"),
    BadTask: _as_it_says(400, "bad_fields"),
    UnknownTask: _as_it_says(404, "not_found"),
    WrongState: _as_it_says(409, "wrong_state"),
    TemplateChanged: _as_it_says(409, "template_changed"),
    Disconnected: _disconnected,
    CannotConnect: _away,
    NotMigrated: _not_migrated,
    TimeoutError: _too_late,
}
