"""Outcome: what an attempt came to, from what its handler returned or raised."""

from collections.abc import Iterable
from math import isfinite
from typing import Any

from msgspec import Struct

from .context import CursorRange
from .json_value import MOST_BYTES, NotJson, encode_json
from .problem import did_you_mean, shown
from .template import Step

MOST_RANGES = 10_000


class PermanentError(Exception):
    """Raised by a handler: another attempt would fail as well, so the step goes to error at once."""


class RetryLater(Exception):
    """Raised by a handler: attempt it again, in *seconds* from now whatever the backoff says.

    It counts as an attempt, so a step that only ever raises it ends in error.
    """

    def __init__(self, seconds: float, reason: str = "") -> None:
        if not (isfinite(seconds) and seconds >= 0):
            raise ValueError(f"seconds is {seconds}; give a finite number, 0 or more")
        self.seconds = seconds
        self._reason = reason
        super().__init__(f"{reason or 'the handler asked for it'}; again in {seconds:g} s")

    def __reduce__(self) -> tuple[Any, ...]:
        # It may be raised in another process, and pickle would make it again of its message.
        return type(self), (self.seconds, self._reason), self.__dict__


class BadResult(PermanentError):
    """A handler returned what its step cannot; it would again, so there is no retry."""


class Outcome(Struct, frozen=True):
    """What a completed step leaves behind: its *result* as JSON, and what it lets run."""

    result: bytes
    creates: tuple[str, ...] = ()
    """Of a decision: the steps it chose, in the order of `Step.may_create`."""
    ranges: tuple[CursorRange, ...] = ()
    """Of a batch: one clone of the worker for each."""


def outcome_of(step: Step, returned: Any, most_bytes: int = MOST_BYTES) -> Outcome:
    """Return what *returned*, by the handler of *step*, means.

    A task may return any JSON; a decision a step or several, by name or as the step's function, or none; a
    batch its ranges, as `CursorRange` or as pairs of start and end. What decisions and batches return is
    their result as well.

    Raises:
        BadResult: it is nothing that this kind of step can return, or takes more than *most_bytes*.
    """
    try:
        match step.kind:
            case "task":
                return Outcome(encode_json(returned, most_bytes))
            case "decision":
                chosen = _chosen(step, returned)
                return Outcome(encode_json(chosen, most_bytes), creates=chosen)
            case "batch":
                ranges = _ranges(step, returned)
                return Outcome(encode_json(ranges, most_bytes), ranges=ranges)
    except NotJson as error:
        raise BadResult(f"handler {step.handler!r} returned what is no result: {error}") from error


def _chosen(step: Step, returned: Any) -> tuple[str, ...]:
    names = {_name_of(step, one) for one in _items(returned)}
    for name in names - {*step.may_create}:
        advice = did_you_mean(name, step.may_create)
        raise BadResult(f"decision {step.name!r} chose {shown(name)}, which is not in may_create; {advice}")
    return tuple(name for name in step.may_create if name in names)


def _items(returned: Any) -> Iterable[Any]:
    if returned is None:
        return ()
    # A single name would otherwise be taken for as many names as it has letters.
    return returned if isinstance(returned, (list, tuple, set, frozenset)) else (returned,)


def _name_of(step: Step, chosen: Any) -> str:
    name = chosen if isinstance(chosen, str) else getattr(chosen, "name", None)
    if not isinstance(name, str):
        raise BadResult(
            f"decision {step.name!r} returned {shown(chosen)}; return names of steps in may_create"
        )
    return name


def _ranges(step: Step, returned: Any) -> tuple[CursorRange, ...]:
    if not isinstance(returned, Iterable) or isinstance(returned, (str, bytes, dict)):
        raise BadResult(f"batch {step.name!r} returned {shown(returned)}; return a list of CursorRange")
    ranges: list[CursorRange] = []
    for each in returned:
        if len(ranges) == MOST_RANGES:
            raise BadResult(
                f"batch {step.name!r} returned more than {MOST_RANGES:,} ranges; make them longer"
            )
        if isinstance(each, CursorRange):
            ranges.append(each)
        elif isinstance(each, (list, tuple)) and len(each) == 2:
            ranges.append(CursorRange(*each))
        else:
            at = f"item {len(ranges)}"
            raise BadResult(
                f"batch {step.name!r} returned {shown(each)} as {at}; write CursorRange(start, end)"
            )
    return tuple(ranges)
