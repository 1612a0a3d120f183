"""SIGTERM and SIGINT end the input, and no signal slips through."""

import os
import select
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import Self

_ENDING = (signal.SIGTERM, signal.SIGINT)

_entered: "set[EndOnSignal]" = set()


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
        _entered.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if not self._active:
            return
        self._left.set()
        os.write(self._telling_fd, b"\0")
        self._thread.join()
        self._give_back()
        os.close(self._telling_fd)
        os.close(self._listening_fd)

    def imitate(self) -> bool:
        """Do in another thread than the main one as if SIGTERM had come; return False where none is heard."""
        here = threading.current_thread() is threading.main_thread()
        if here or not self._active or self._left.is_set():
            return False
        os.kill(os.getpid(), signal.SIGTERM)
        return True

    def _give_back(self) -> None:
        _entered.discard(self)
        signal.set_wakeup_fd(self._previous_fd)
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _listen(self) -> None:
        while not self._left.is_set():
            for number in set(os.read(self._listening_fd, 64)) & set(self._previous):
                self._end()
                self._nudge(number)

    def _nudge(self, number: int) -> None:
        deadline = monotonic() + self._drain_seconds
        main = threading.main_thread().ident
        while not self._left.wait(0.05) and main is not None:
            if monotonic() > deadline:
                _say(f"messenger: gave up {self._drain_seconds:g} s after a signal; replies may be lost\n")
                os._exit(1)
            signal.pthread_kill(main, number)


def _say(text: str) -> None:
    """Write to stderr if it is open and takes it: no reader of it shall keep us from exiting."""
    with suppress(OSError):
        if select.select([], [2], [], 0)[1]:
            os.write(2, text.encode())


def _do_nothing(number: int, frame: object) -> None:
    """Have a handler in Python, so that interrupted calls are made again."""


def _block() -> None:
    if _entered:
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)


def _unblock() -> None:
    if _entered:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)


def _let_go() -> None:
    """Free a forked child: it shares our pipe, so a signal meant to end it would end us."""
    for ender in list(_entered):
        ender._active = False
        ender._give_back()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)


os.register_at_fork(before=_block, after_in_parent=_unblock, after_in_child=_let_go)
