"""Thread pool: where plain handlers run, and where one that hangs takes no thread from the others."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from ..context import Context
from ..handlers import Function
from .attempt import Done


class ThreadsHang(Exception):
    """All threads, the spare ones too, are held by handlers that were given up and do not end."""


class ThreadJob:
    """A call for a thread. On the loop, *began* is called when it has one, and *ended* with the outcome."""

    __slots__ = ("began", "context", "ended", "error", "function", "given_up", "returned")

    def __init__(self, function: Function, context: Context, began: Callable[[], None], ended: Done) -> None:
        self.function = function
        self.context = context
        self.began = began
        self.ended = ended
        self.given_up = False
        self.returned: Any = None
        self.error: BaseException | None = None


class ThreadPool:
    """Up to *threads* threads, and as many again in place of those whose handler was given up.

    A thread cannot be ended from outside. One that hangs is left alone and another takes its place, until
    there are twice as many: past that a handler would take the machine down, so `ThreadsHang` is told to
    whoever comes, and another worker may do it. The threads are daemons, so one that hangs does not keep the
    process from ending. Everything is called on the loop's thread.

    `concurrent.futures` would not do: it joins its threads when Python ends, and cannot add one.
    """

    def __init__(self, threads: int, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._threads = threads
        self._most = 2 * threads
        self._alive = 0
        self._busy = 0
        self._hanging = 0
        self._waiting: deque[ThreadJob] = deque()
        self._jobs: SimpleQueue[ThreadJob | None] = SimpleQueue()
        self._finished: deque[ThreadJob] = deque()
        self._woken = False

    def submit(self, job: ThreadJob) -> None:
        """Run *job* in a thread, once one is free."""
        self._waiting.append(job)
        self._start_waiting()

    def give_up(self, job: ThreadJob) -> None:
        """Do not wait for *job* any longer; its thread is replaced."""
        if job in self._waiting:
            self._waiting.remove(job)
            return
        job.given_up = True
        self._hanging += 1
        self._start_waiting()

    def close(self) -> None:
        """Let the threads end, each after what it does now."""
        self._waiting.clear()
        for _ in range(self._alive):
            self._jobs.put(None)

    def _start_waiting(self) -> None:
        while self._waiting and self._busy - self._hanging < self._threads and self._busy < self._most:
            self._start(self._waiting.popleft())
        while self._waiting and self._hanging >= self._most:
            self._waiting.popleft().ended(
                None,
                ThreadsHang(
                    f"{self._most} threads are held by handlers that took too long and do not end; give what "
                    "they wait for a timeout, or let them run in a process, and restart the worker"
                ),
            )

    def _start(self, job: ThreadJob) -> None:
        self._busy += 1
        if self._busy > self._alive:
            self._alive += 1
            name = f"workflow handlers {self._alive}"
            threading.Thread(target=self._work, name=name, daemon=True).start()
        job.began()
        self._jobs.put(job)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job.returned = job.function(job.context)
            except BaseException as error:  # whatever it is, the thread goes on
                job.error = error
            self._finished.append(job)
            del job
            # One wake-up for all that end until the loop has come: each is a system call.
            if not self._woken:
                self._woken = True
                try:
                    self._loop.call_soon_threadsafe(self._collect)
                except RuntimeError:  # the loop is closed, and nobody is left to tell
                    return

    def _collect(self) -> None:
        self._woken = False
        while self._finished:
            job = self._finished.popleft()
            self._busy -= 1
            self._hanging -= job.given_up
            job.ended(job.returned, job.error)
        self._start_waiting()
