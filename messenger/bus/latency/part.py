"""Part: one who takes part in a measurement, in a thread or in a process of its own.

The parent waits until all are ready, names the time at which they start, and collects what they recorded.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue

import msgspec

from ..errors import BadUrl, BusError, Unsupported
from ..subject import BadSubject


class CannotMeasure(Exception):
    """Nothing could be measured; exit_code is that of the command."""

    def __init__(self, text: str, exit_code: int = 3) -> None:
        super().__init__(text)
        self.exit_code = exit_code


class Ready(msgspec.Struct, frozen=True, tag=True):
    """A part waits for the start."""


class Outcome(msgspec.Struct, frozen=True, tag=True):
    """What a part did: messages sent, and durations of each kind as `array("q").tobytes()`, in ns."""

    sent: int = 0
    durations: dict[str, bytes] = {}


class Failure(msgspec.Struct, frozen=True, tag=True):
    """Why a part could not do its own."""

    text: str
    exit_code: int


Report = Ready | Outcome | Failure


class Control:
    """What a part sees of its parent: when to start, and whether to stop."""

    def __init__(self, say_ready: Callable[[], None]) -> None:
        self._say_ready = say_ready
        self._starts: SimpleQueue[int] = SimpleQueue()
        self._stopped = threading.Event()
        self._on_stop: list[Callable[[], object]] = []
        self._lock = threading.Lock()
        self.stopped = self._stopped.is_set

    def ready(self) -> int:
        """Tell the parent, wait, and return the start, in ns of the monotonic clock."""
        self._say_ready()
        return self._starts.get()

    def start(self, start_ns: int) -> None:
        """Let the part go on."""
        self._starts.put(start_ns)

    def stop(self) -> None:
        """Let the part come to an end with what it has."""
        with self._lock:
            self._stopped.set()
            self._starts.put(0)  # for one that has not started
            for callback in self._on_stop:
                callback()

    @contextmanager
    def on_stop(self, callback: Callable[[], object]) -> Iterator[None]:
        """Call *callback* if the part is to stop while it is in here; mostly not in its own thread."""
        with self._lock:
            self._on_stop.append(callback)
            if self.stopped():
                callback()
        try:
            yield
        finally:
            with self._lock:
                self._on_stop.remove(callback)


def failure(error: Exception) -> Failure:
    """Say why a part failed, and whether the user or the world is to blame."""
    if isinstance(error, CannotMeasure):
        return Failure(str(error), error.exit_code)
    if isinstance(error, BadUrl | BadSubject | Unsupported):
        return Failure(str(error), 2)
    if isinstance(error, BusError | OSError):
        return Failure(str(error), 3)
    return Failure(f"a part of the measurement failed: {error!r}; this is a bug, please report it", 3)
