"""SIGTERM and SIGINT end the input, and no signal slips through."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import Self

_ENDING = (signal.SIGTERM, signal.SIGINT)


class EndOnSignal:
    """While entered, the first SIGTERM or SIGINT calls *end* once, in a thread of its own.

    From then on the main thread is nudged until it leaves: a signal that arrives just before a
    blocking call starts does not interrupt it, and would otherwise wait for the next input.  After
    *drain_seconds* the process exits with 1, however stuck it is.

    Outside the main thread, where Python allows no signal handlers, it does nothing.
    """

    def __init__(self, end: Callable[[], None], drain_seconds: float) -> None:
        self._end = end
        self._drain_seconds = drain_seconds
        self._left = threading.Event()
        self._active = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> Self:
        if not self._active:
            return self
        self._listening_fd, self._telling_fd = os.pipe()
        os.set_blocking(self._telling_fd, False)
        # The interpreter's C handler itself writes here, whatever the main thread is doing.
        self._previous_fd = signal.set_wakeup_fd(self._telling_fd, warn_on_full_buffer=False)
        # A background job of a shell ignores SIGINT, and shall go on doing so.
        heard = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]
        self._previous = {number: signal.signal(number, _do_nothing) for number in heard}
        self._thread = threading.Thread(target=self._listen, name="messenger signals", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if not self._active:
            return
        self._left.set()
        os.write(self._telling_fd, b"\0")
        self._thread.join()
        signal.set_wakeup_fd(self._previous_fd)
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        os.close(self._telling_fd)
        os.close(self._listening_fd)

    def _listen(self) -> None:
        while not self._left.is_set():
            if set(os.read(self._listening_fd, 64)) & set(_ENDING):
                self._end()
                self._nudge()

    def _nudge(self) -> None:
        deadline = monotonic() + self._drain_seconds
        main = threading.main_thread().ident
        while not self._left.wait(0.05) and main is not None:
            if monotonic() > deadline:
                sys.stderr.write(
                    f"messenger: gave up {self._drain_seconds:g} s after a signal; replies may be lost\n"
                )
                sys.stderr.flush()
                os._exit(1)
            signal.pthread_kill(main, signal.SIGTERM)


def _do_nothing(number: int, frame: object) -> None:
    """Have a handler in Python, so that interrupted calls are made again."""
