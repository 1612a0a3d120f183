"""Subject: what a benchmark times, and how often it may be called."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from time import perf_counter
from typing import Any, Protocol

from .coroutine import refuse_coroutine
from .counter import Counter

_SLICE_SECONDS = 2e-3
_ROUNDS = 8
_MOST_SLICES = 24


class Timed(Protocol):
    """What can be timed, round by round."""

    def prepare(self) -> None:
        """Call it as often as it takes to be warm."""

    def result(self) -> Any:
        """Return what the benchmark is to get."""

    def round(self, iterations: int) -> float:
        """Return the seconds that *iterations* calls take together."""

    def calibrate(self) -> dict[str, Any]:
        """Choose `iterations` a round and `rounds` a slice; see `_size` for what else."""

    def count(self, iterations: int, counter: Counter) -> float:
        """Return the instructions of a call, counted over *iterations* of them."""


class Subject:
    """What a benchmark times: a call, or, in pedantic mode, a call between its setup and teardown."""

    def __init__(
        self, function: Callable[..., Any], args: Any, kwargs: Any, setup: Any = None, teardown: Any = None
    ) -> None:
        self._function, self._args, self._kwargs = function, args, kwargs
        self._setup, self._teardown = setup, teardown
        self._result: Any = None
        self._known = False  # to give no coroutine

    def prepare(self) -> None:
        """Call it once, as any test would."""
        self.round(1)

    def result(self) -> Any:
        """Return what the function returned last, or the first time it was called alone."""
        return self._result

    def round(self, iterations: int) -> float:
        """Return the seconds that *iterations* calls take together."""
        function, seconds = self._function, 0.0
        with self._arguments() as (args, kwargs):
            if iterations == 1:
                seconds, self._result = self._call(args, kwargs)
                return seconds
            if not self._known:  # the first of them is looked at, and timed alone for that
                seconds, _ = self._call(args, kwargs)
                iterations -= 1
            times = range(iterations)
            start = perf_counter()
            for _ in times:
                function(*args, **kwargs)
            return seconds + perf_counter() - start

    def _call(self, args: Any, kwargs: Any) -> tuple[float, Any]:
        """Return the seconds of a call and what it gave, which the first time must be no coroutine."""
        function = self._function
        start = perf_counter()
        result = function(*args, **kwargs)
        seconds = perf_counter() - start
        if not self._known:
            refuse_coroutine(result, function)
            self._known = True
        return seconds, result

    def calibrate(self) -> dict[str, Any]:
        """Choose iterations a round and rounds a slice: a slice takes 2 ms, in 8 rounds if it can."""
        wanted = _SLICE_SECONDS / _ROUNDS
        iterations, seconds = 1, min(self.round(1) for _ in range(3))
        # A setup makes the state for one call.
        while not self._setup and not self._teardown and seconds < wanted / 4:
            iterations *= 4
            seconds = min(self.round(iterations) for _ in range(3))
        if iterations == 1:
            rounds = max(1, min(_ROUNDS * 10, round(_SLICE_SECONDS / max(seconds, 1e-6))))
            return _size(1, rounds)
        return _size(max(1, round(iterations * wanted / seconds)), _ROUNDS)

    def count(self, iterations: int, counter: Counter) -> float:
        """Return the instructions of a call: the lesser of two counts of so many calls."""
        iterations = 1 if self._setup or self._teardown else iterations
        return min(self.count_once(iterations, counter) for _ in range(2))

    def count_once(self, iterations: int, counter: Counter) -> float:
        """Return the instructions of a call, as counted over *iterations* of them."""
        function = self._function
        with self._arguments() as (args, kwargs):

            def calls(times: int) -> None:
                for _ in range(times):
                    function(*args, **kwargs)

            return float(counter.count(lambda: calls(iterations)) - counter.overhead) / iterations

    @contextmanager
    def _arguments(self) -> Generator[tuple[Any, Any]]:
        args, kwargs = self._args, self._kwargs
        if self._setup and (made := self._setup()):
            args, kwargs = made
        yield args, kwargs
        if self._teardown:
            self._teardown(*args, **kwargs)


class Rationed:
    """A subject in pedantic mode whose author has said how often it is called, and so how often it can be."""

    def __init__(self, subject: Subject, rounds: int, warmup_rounds: int, iterations: int) -> None:
        self._subject = subject
        self._rounds, self._warmup_rounds, self._iterations = rounds, warmup_rounds, iterations
        self._called = False

    def prepare(self) -> None:
        """Warm up as often as was said."""
        for _ in range(self._warmup_rounds):
            self.round(self._iterations)

    def result(self) -> Any:
        """Return what the function returned, calling it if nobody has."""
        if not self._called or self._iterations > 1:  # pytest-benchmark, too, calls once more for a result
            self._subject.round(1)
        return self._subject.result()

    def round(self, iterations: int) -> float:
        """Return the seconds that *iterations* calls take together."""
        self._called = True
        return self._subject.round(iterations)

    def calibrate(self) -> dict[str, Any]:
        """Deal the rounds out to slices of 2 ms; of three or more, one tells how long they take."""
        slices, seconds = self._rounds, _SLICE_SECONDS
        if slices > 2:
            seconds, slices = self.round(self._iterations), slices - 1
        dealt = min(slices, _MOST_SLICES)
        rounds = max(1, min(round(_SLICE_SECONDS / max(seconds, 1e-9)), slices // dealt))
        return _size(self._iterations, rounds, dealt, seconds * rounds)

    def count(self, iterations: int, counter: Counter) -> float:
        """Return the instructions of a call, counted once."""
        self._called = True
        return self._subject.count_once(self._iterations, counter)


def _size(
    iterations: int, rounds: int, slices: int | None = None, slice_seconds: float = 0.0
) -> dict[str, Any]:
    """Say how a slice is made; `slices` is how many there can be, None being any number."""
    return {"iterations": iterations, "rounds": rounds, "slices": slices, "slice_seconds": slice_seconds}
