"""Backoff: how long to wait before trying again.

Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog (2015): full jitter.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from msgspec import Struct

from .errors import RPCError

Result = TypeVar("Result")


class Backoff(Struct, frozen=True):
    """Waits that double from *first_seconds* up to *most_seconds*, each cut short at random.

    Of *jitter* 1 a wait is anything from nothing to its full length, of 0 the full length.
    """

    first_seconds: float = 0.05
    most_seconds: float = 2.0
    jitter: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.first_seconds <= self.most_seconds or not 0 <= self.jitter <= 1:
            raise ValueError(
                f"{self} makes no sense: first_seconds must be more than 0 and at most most_seconds, "
                "jitter from 0 to 1"
            )

    def waits(self, chance: random.Random) -> Iterator[float]:
        """Give one wait after the other, in seconds, without end."""
        seconds = self.first_seconds
        while True:
            yield seconds * (1 - self.jitter * chance.random())
            seconds = min(seconds * 2, self.most_seconds)


async def retry(
    attempt: Callable[[], Awaitable[Result]],
    backoff: Backoff = Backoff(),  # noqa: B008 - it is frozen
    *,
    attempts: int | None = None,
) -> Result:
    """Await *attempt* until it succeeds, or fails for certain, or has had so many *attempts*.

    Only indefinite errors (timeout, crash) are tried again, so what is attempted must bear being done twice.

    Raises:
        RPCError: the definite error, or the last indefinite one.
    """
    for number, wait in enumerate(backoff.waits(random.Random()), start=1):
        try:
            return await attempt()
        except RPCError as error:
            if error.definite or number == attempts:
                raise
        await asyncio.sleep(wait)
    raise AssertionError("waits have no end")
