"""PostgreSQL server of our own, started for as long as somebody needs it."""

import ctypes
import fcntl
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

from psycopg import sql

from ..errors import WorkflowError
from .connection import connect
from .data_folder import SUPERUSER, prepare_data
from .owner import Owner, choose_owner, claim_folder, environment, make_folder
from .postmaster import crash, find_postmaster, wait_for_end

READY_SECONDS = 60.0  # after a crash it reads what was not yet written to its tables
STOP_SECONDS = 20.0

_SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "jit": "off",  # it costs milliseconds, and our statements take less
}
# Not to be changed: who may come in, and that we read what it logs.
_FIXED = {"unix_socket_permissions": "0700", "log_destination": "stderr", "logging_collector": "off"}
_READY = b"database system is ready to accept connections"
_PORT_TAKEN = b"could not create any TCP/IP sockets"
_PORT_TRIES = 5
_SOCKET_PORT = 5432  # without TCP, a part of the socket's name and nothing else
_SOCKET_PATH_BYTES_MAX = 107  # sockaddr_un.sun_path, less its NUL
_LINE_BYTES_MAX = 2000  # a line of the log may quote a statement of any length
_SET_PARENT_DEATH_SIGNAL = 1  # prctl(2), PR_SET_PDEATHSIG


class ServerFailed(WorkflowError):
    """PostgreSQL did not start."""


class AlreadyRunning(WorkflowError):
    """The folder is served by another process; *url* is where."""

    def __init__(self, message: str, url: str) -> None:
        super().__init__(message)
        self.url = url


class PortTaken(ServerFailed):
    """Somebody else listens on the TCP port."""


class PostgresServer:
    """A PostgreSQL server on a Unix socket; `with` starts and stops it.

    folder: for its data; a temporary one, gone with the server, unless it is given. port: listens on
    127.0.0.1 too, 0 is any. template: the folder of a server that has stopped, whose data a new one copies.
    settings: of postgresql.conf, over ours, which keep what is committed; where it listens is not among them.
    Started by root, it runs as the owner of the folder, or as nobody. It may be started again after it has
    stopped or was killed. It ends when this process does, however that ends (on Linux).

    Whoever runs as the same user, or as root, comes in through the socket without a password.
    """

    def __init__(
        self,
        *,
        folder: str | Path | None = None,
        port: int | None = None,
        template: str | Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._temporary = _temporary_folder() if folder is None else None
        self.folder = Path(self._temporary.name if self._temporary else str(folder)).absolute()
        self.port = port or None
        self._wanted_port = port
        self._password = secrets.token_urlsafe(24)
        self._template = None if template is None else Path(template).absolute() / "data"
        self._settings = _SETTINGS | dict(settings or {})
        self._socket_folder = self.folder / "socket"
        self._short: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._reading: threading.Thread | None = None
        self._last: deque[bytes] = deque(maxlen=30)
        self._crashed = False

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._clean_up()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._clean_up()

    def __repr__(self) -> str:
        return f"<PostgresServer {self.url}>"

    @property
    def url(self) -> str:
        """Return the URL of its socket, which needs no password."""
        return _socket_url(self._socket_folder, self.port or _SOCKET_PORT)

    @property
    def tcp_url(self) -> str:
        """Return the URL of its TCP port; the password in it is made anew for each server object.

        Raises:
            ServerFailed: it was not asked to listen, or has not started.
        """
        if self.port is None:
            raise ServerFailed("it does not listen on TCP; ask for it with port=0, and start it")
        return f"postgresql://{SUPERUSER}:{self._password}@127.0.0.1:{self.port}/postgres"

    @property
    def pid(self) -> int | None:
        """Return the process id of its postmaster, while that runs."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if running and self._process is not None else None

    @property
    def log(self) -> str:
        """Return the last lines that it has logged since the start."""
        return b"".join(self._last).decode(errors="replace").strip()

    def start(self) -> None:
        """Start it, and return when it is ready.

        Raises:
            AlreadyRunning: another process serves the folder.
            ServerFailed: it ended, or was not ready within 60 seconds.
            WorkflowError: it is not installed, or the folder is of no use to it.
        """
        owner = choose_owner(self.folder)
        make_folder(self.folder, owner)
        with _locked(self.folder):
            claim_folder(self.folder, owner)
            data = self.folder / "data"
            _check_not_running(data)
            programs = prepare_data(data, owner, template=self._template, durable=self._temporary is None)
            self._make_socket_folder(owner)
            try:
                self._listen([str(programs.folder / "postgres"), "-D", str(data)], owner)
                self._greet()
            except BaseException:
                self.stop()
                raise
        self._crashed = False

    def stop(self) -> None:
        """End it: open transactions are rolled back, what is committed is on disk.

        When that takes more than 20 seconds it aborts, and recovers at the next start.
        """
        for number in (signal.SIGINT, signal.SIGQUIT):  # "fast" and "immediate", in PostgreSQL's words
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(number)
            if self._reading is None or self.wait(STOP_SECONDS):
                return
        self.kill()

    def kill(self) -> None:
        """End it as a crash would: all of its processes, with SIGKILL."""
        if self._reading is not None and self._reading.is_alive():
            crash(self.pid, self.folder / "data")
            self._crashed = True
        self.wait()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it and all that it has started has ended; tell whether that is so."""
        if self._reading is None:
            return True
        self._reading.join(seconds)
        return not self._reading.is_alive()

    def _listen(self, command: list[str], owner: Owner) -> None:
        """Launch it, on another port when somebody took ours between our look and its start."""
        for attempt in range(1, _PORT_TRIES + 1):
            if self._wanted_port == 0:
                self.port = _free_port()
            try:
                self._launch(command, owner)
            except PortTaken:
                if self._wanted_port != 0 or attempt == _PORT_TRIES:
                    raise
            else:
                break
        self._wanted_port = self.port  # a restart is to be found where it was

    def _launch(self, command: list[str], owner: Owner) -> None:
        settings = {
            **self._settings,
            **_FIXED,
            "port": str(self.port or _SOCKET_PORT),
            "listen_addresses": "" if self.port is None else "127.0.0.1",
            "unix_socket_directories": '"{}"'.format(str(self._socket_folder).replace('"', '""')),
        }
        arguments = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        started: Future[None] = Future()
        self._last.clear()
        # The thread that reads the log also starts the server: what ends a server with its parent is tied
        # to the thread that started it, and this one lives as long as the server does.
        self._reading = threading.Thread(
            target=self._run, args=([*command, *arguments], owner, started), name="postgres log", daemon=True
        )
        self._reading.start()
        try:
            started.result(READY_SECONDS)
        except TimeoutError:
            raise ServerFailed(
                f"PostgreSQL in {self.folder} was not ready within {READY_SECONDS:g} s, and said:\n{self.log}"
            ) from None

    def _run(self, command: list[str], owner: Owner, started: Future[None]) -> None:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd="/",
                env=environment(),
                user=owner.uid,
                group=owner.gid,
                extra_groups=owner.extra_groups,
                umask=0o077,
                start_new_session=True,  # Ctrl-C is for us, who then stop it
                preexec_fn=_end_with_parent(),
            )
        except (OSError, subprocess.SubprocessError) as error:
            started.set_exception(ServerFailed(f"cannot start {command[0]} as user {owner}: {error}"))
            return
        self._process = process
        with process:
            self._read_log(process.stderr, started)
        if not started.done():
            kind = PortTaken if any(_PORT_TAKEN in line for line in self._last) else ServerFailed
            started.set_exception(
                kind(
                    f"PostgreSQL in {self.folder} ended with exit code {process.returncode}, "
                    f"and said:\n{self.log}"
                )
            )

    def _read_log(self, log: IO[bytes] | None, started: Future[None]) -> None:
        """Read until the last process that may write has ended; a full pipe would stop the server."""
        while log and (line := log.readline(_LINE_BYTES_MAX)):
            self._last.append(line)
            if _READY in line and not started.done():
                started.set_result(None)

    def _make_socket_folder(self, owner: Owner) -> None:
        longest = self.folder / "socket" / ".s.PGSQL.65535.lock"
        # libpq reads a comma as the end of a host.
        if len(os.fsencode(longest)) <= _SOCKET_PATH_BYTES_MAX and "," not in str(longest):
            self._socket_folder.mkdir(mode=0o700, exist_ok=True)
        elif self._short is None:
            self._short = _temporary_folder()
            self._socket_folder = Path(self._short.name)
        owner.give(self._socket_folder)

    def _greet(self) -> None:
        """Connect once; who reads postmaster.pid may still find "starting" in it, until that is answered."""
        with connect(self.url) as connection:
            if self.port is None:
                return
            # What the server sees, and may log, is what checks a password and does not tell it.
            verifier = connection.pgconn.encrypt_password(
                self._password.encode(), SUPERUSER.encode(), b"scram-sha-256"
            ).decode()
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(SUPERUSER), sql.Literal(verifier))
            )

    def _clean_up(self) -> None:
        if self._crashed and self._temporary is not None:
            # Only a start frees the shared memory that a killed server leaves to the machine.
            with suppress(WorkflowError):
                self.start()
            self.stop()
        for folder in (self._short, self._temporary):
            if folder is not None:
                folder.cleanup()


def _temporary_folder() -> "tempfile.TemporaryDirectory[str]":
    """Make a folder whose path leaves room for the name of a socket, wherever TMPDIR may be."""
    place = tempfile.gettempdir()
    return tempfile.TemporaryDirectory(prefix="messenger-pg-", dir=place if len(place) < 40 else "/tmp")  # noqa: S108


def _socket_url(folder: Path | str, port: int) -> str:
    return f"postgresql://{SUPERUSER}@{quote(str(folder), safe='')}:{port}/postgres"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time initialise and start what is in *folder*."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _check_not_running(data: Path) -> None:
    """See to it that nobody serves *data*; one that is about to end is waited for."""
    running = find_postmaster(data)
    if running is None:
        return
    if running.status == "ready":
        raise AlreadyRunning(
            f"{data} is served by process {running.pid}; use that, or stop it first",
            _socket_url(running.socket_folder, running.port),
        )
    if not wait_for_end(running.pid, STOP_SECONDS):
        raise ServerFailed(
            f"{data} is still served by process {running.pid}, which has been {running.status} for "
            f"{STOP_SECONDS:g} s; wait for it, or end it with: kill -QUIT {running.pid}"
        )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def _end_with_parent() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # looked up before the fork, where little is safe
    parent = os.getpid()

    def ask() -> None:
        prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGINT)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return ask
