"""Hosts: where a part runs, as its parent handles it: a thread of this process, or another process."""

import os
import subprocess
import sys
import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from select import select
from types import TracebackType
from typing import Protocol, Self

import msgspec

from .frames import read_report
from .part import CannotMeasure, Control, Failure, Outcome, Ready, Report, failure
from .roles import Task

_READY_SECONDS = 30.0
_END_SECONDS = 5.0


class Host(Protocol):
    """A part, from getting ready to its outcome; `with` ends it."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave nothing of it."""

    def start(self, start_ns: int) -> None:
        """Name the time at which it starts."""

    def stop(self) -> None:
        """Ask it to end with what it has."""

    def wait(self, seconds: float) -> Report | None:
        """Return what it says next; None when it says nothing for so long.

        Raises:
            CannotMeasure: it has failed.
        """


def wait_until_ready(host: Host) -> None:
    """Wait for a part that connects and subscribes.

    Raises:
        CannotMeasure: it could not.
    """
    if not isinstance(host.wait(_READY_SECONDS), Ready):
        raise CannotMeasure(f"a part of the measurement was not ready after {_READY_SECONDS:g} s")


def collect(host: Host, seconds: float) -> Outcome:
    """Wait for what a part has done; after *seconds* it has to come to its end.

    Raises:
        CannotMeasure: it could not do its own.
    """
    report = host.wait(seconds)
    if report is None:
        host.stop()
        report = host.wait(_END_SECONDS)
    if not isinstance(report, Outcome):
        raise CannotMeasure(f"a part of the measurement did not end within {_END_SECONDS:g} s")
    return report


class ThreadHost:
    """A part in a thread of this process, for buses that no other process reaches."""

    def __init__(self, task: Task) -> None:
        self._reports: SimpleQueue[Report] = SimpleQueue()
        self._control = Control(lambda: self._reports.put(Ready()))
        self._thread = threading.Thread(target=self._play, args=(task,), name=task.role, daemon=True)
        self.start, self.stop = self._control.start, self._control.stop

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._thread.join(_END_SECONDS)

    def wait(self, seconds: float) -> Report | None:
        """Return what it says next; None when it says nothing for so long."""
        with suppress(Empty):
            return _checked(self._reports.get(timeout=seconds))
        return None

    def _play(self, task: Task) -> None:
        try:
            self._reports.put(task.play(self._control))
        except Exception as error:
            self._reports.put(failure(error))


class ProcessHost:
    """A part in a process of its own, which shares neither the GIL nor a loop with any other."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def __enter__(self) -> Self:
        # In a process group of its own, Ctrl-C reaches it through its parent only, and leaves no traceback.
        command = [sys.executable, "-m", f"{__package__}.worker", msgspec.json.encode(self._task).decode()]
        orders, reports = os.pipe(), os.pipe()
        self._orders, self._reports = orders[1], os.fdopen(reports[0], "rb")
        try:
            self._process = subprocess.Popen(command, stdin=orders[0], stdout=reports[1], process_group=0)
        finally:
            os.close(orders[0])
            os.close(reports[1])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._orders)
        self._reports.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def start(self, start_ns: int) -> None:
        """Name the time at which it starts."""
        self._order(b"%d\n" % start_ns)

    def stop(self) -> None:
        """Ask it to end with what it has."""
        self._order(b"\n")

    def wait(self, seconds: float) -> Report | None:
        """Return what it says next; None when it says nothing for so long."""
        if not select([self._reports], [], [], seconds)[0]:
            return None
        report = read_report(self._reports)
        if report is None:
            status = self._process.wait()
            raise CannotMeasure(f"the process of the {self._task.role} ended too early, with status {status}")
        return _checked(report)

    def _order(self, line: bytes) -> None:
        with suppress(OSError):  # it has ended; `wait` tells why
            os.write(self._orders, line)


def _checked(report: Report) -> Report:
    if isinstance(report, Failure):
        raise CannotMeasure(report.text, report.exit_code)
    return report
