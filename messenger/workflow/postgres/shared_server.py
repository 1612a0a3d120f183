"""Shared server: a folder's PostgreSQL, which several processes use and one of them runs."""

import logging
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from ..errors import WorkflowError
from .connection import CannotConnect, connect
from .postgres_server import AlreadyRunning, PostgresServer
from .postmaster import find_postmaster, wait_for_end

_LOOK_SECONDS = 1.0
_JOIN_TRIES = 5

_log = logging.getLogger(__name__)


class SharedServer:
    """Runs the server of *folder*, or joins the process that does; `with` begins and ends that.

    When the process that runs it ends first, one of those that had joined runs it from then on (on Linux), so
    that it does not matter which was started first. Its URL stays, unless the folder's path is too
    long for a socket.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder).absolute()
        self._server: PostgresServer | None = None
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self.url = ""

    def __enter__(self) -> Self:
        for tries_left in reversed(range(_JOIN_TRIES)):
            self._start_or_join()
            try:
                connect(self.url).close()
            except CannotConnect:  # it was about to end
                if self._server is not None or not tries_left:
                    self._stop()
                    raise
            else:
                break
        if self._server is None and sys.platform == "linux":
            threading.Thread(target=self._take_over, name="postgres heir", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        with self._lock:
            self._stop()

    def _start_or_join(self) -> None:
        server = PostgresServer(folder=self._folder)
        try:
            server.__enter__()
        except AlreadyRunning as running:
            self.url = running.url
        else:
            self._server, self.url = server, server.url

    def _stop(self) -> None:
        if self._server is not None:
            self._server.__exit__(None, None, None)

    def _take_over(self) -> None:
        """Wait for who runs it to end, and run it then, unless another one is quicker."""
        while not self._closed.is_set():
            running = find_postmaster(self._folder / "data")
            if running is not None:
                wait_for_end(running.pid, _LOOK_SECONDS)
                continue
            with self._lock:
                if self._closed.is_set():
                    return
                before = self.url
                try:
                    self._start_or_join()
                except WorkflowError as error:
                    _log.warning("cannot start the server that %s was served by: %s", self._folder, error)
            if self.url != before:
                _log.warning(
                    "%s is served at %s now, not %s; start this again", self._folder, self.url, before
                )
            if self._server is not None:
                _log.info("the process that ran the server has ended; this one runs it now")
                return
            self._closed.wait(_LOOK_SECONDS)
