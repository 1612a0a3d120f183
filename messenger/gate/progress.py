"""Progress: tells a waiting person how far the measuring is."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from .reports.units import duration
from .screen import dumb

if TYPE_CHECKING:
    from rich.progress import Progress as Bar


class Progress(Protocol):
    """Told of every step of a measurement, in this order."""

    def start(self, number: int, processes: int) -> None:
        """Begin process *number* of *processes*."""

    def expect(self, benchmarks: int) -> None:
        """Expect so many benchmarks of the process."""

    def advance(self, name: str = "", q25_ns: float | None = None) -> None:
        """Count a finished benchmark, and tell of it where its *name* is given."""

    def finish(self) -> None:
        """End the process."""


@contextmanager
def show_progress(what: str, unit: str = "process") -> Iterator[Progress]:
    """Show a bar with rate and time left on a terminal, else a line a benchmark and *unit*, on stderr."""
    if not sys.stderr.isatty() or dumb():
        yield _Lines(what, unit)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    # Twice a second: whoever draws more often is part of what is measured.
    with Bar(*columns, console=Console(stderr=True), refresh_per_second=2, transient=True) as bar:
        yield _Bar(what, unit, bar)


@contextmanager
def hide_progress(_: str) -> Iterator[Progress]:
    """Show nothing, where an outer measurement shows how far it is."""
    yield _Nothing()


def describe_pace(done: int, total: int, seconds: float) -> str:
    """Say how far a measurement is, at what rate, and when it will be over.

    >>> describe_pace(12, 69, 4.0), describe_pace(0, 69, 0.1), describe_pace(69, 69, 23.0)
    ('12 of 69, 3.0/s, about 19 s left', '0 of 69', '69 of 69, 3.0/s')
    """
    parts = [f"{done} of {total}"]
    if done:
        rate = done / max(seconds, 1e-9)
        parts.append(f"{rate:.1f}/s" if rate < 10 else f"{rate:.0f}/s")
        parts += [f"about {seconds / done * (total - done):.0f} s left"] if done < total else []
    return ", ".join(parts)


class _Nothing:
    def start(self, number: int, processes: int) -> None:
        pass

    def expect(self, benchmarks: int) -> None:
        pass

    def advance(self, name: str = "", q25_ns: float | None = None) -> None:
        pass

    def finish(self) -> None:
        pass


class _Lines:
    def __init__(self, what: str, unit: str) -> None:
        self._what, self._unit = what, unit
        self._began = monotonic()
        self._number = self._processes = self._benchmarks = self._done = 0

    def start(self, number: int, processes: int) -> None:
        self._number, self._processes = number, processes

    def expect(self, benchmarks: int) -> None:
        self._benchmarks = benchmarks

    def advance(self, name: str = "", q25_ns: float | None = None) -> None:
        self._done += 1
        if name:
            pace = describe_pace(self._done, self._benchmarks * self._processes, monotonic() - self._began)
            sys.stderr.write(f"{self._what}: {name} {duration(q25_ns)}, {pace}\n")

    def finish(self) -> None:
        self._done = self._number * self._benchmarks
        spent = monotonic() - self._began
        left = spent / self._number * (self._processes - self._number)
        more = f", about {left:.0f} s left" if self._number < self._processes else ""
        sys.stderr.write(
            f"{self._what}: {self._unit} {self._number} of {self._processes} done after {spent:.0f} s{more}\n"
        )


class _Bar:
    def __init__(self, what: str, unit: str, bar: "Bar") -> None:
        self._what, self._unit, self._bar = what, unit, bar
        self._task = bar.add_task(what, total=None, rate="")
        self._began = monotonic()
        self._number = self._processes = self._benchmarks = self._done = 0

    def start(self, number: int, processes: int) -> None:
        self._number, self._processes = number, processes
        self._bar.update(self._task, description=f"{self._what}: {self._unit} {number}/{processes}")

    def expect(self, benchmarks: int) -> None:
        self._benchmarks = benchmarks
        self._bar.update(self._task, total=benchmarks * self._processes)

    def advance(self, name: str = "", q25_ns: float | None = None) -> None:
        self._done += 1
        rate = self._done / max(monotonic() - self._began, 1e-9)
        self._bar.update(self._task, completed=self._done, rate=f"benchmarks, {rate:.1f}/s")

    def finish(self) -> None:
        self._done = self._number * self._benchmarks
        self._bar.update(self._task, completed=self._done)
