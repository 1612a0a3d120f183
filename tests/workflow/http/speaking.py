"""HTTP as bytes: a client that can also send nonsense, and a server process to send it to."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import NamedTuple

TIMEOUT_SECONDS = 30


class Answer(NamedTuple):
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The status, and what the error is called."""
        return self.status, self.json["error"]["code"]

    @property
    def message(self):
        return self.json["error"]["message"]


class Connection:
    """One connection that stays open."""

    def __init__(self, url, headers=()):
        host, port = url.removeprefix("http://").rsplit(":", 1)
        self._socket = socket.create_connection((host, int(port)), TIMEOUT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = self._socket.makefile("rb")
        self._headers = dict(headers)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._reader.close()
        self._socket.close()

    def ask(self, method, path, body=None, headers=()):
        """Send a request, and return what is answered; *body* is bytes, or anything as JSON."""
        self.send(method, path, body, headers)
        return self.read(method)

    def send(self, method, path, body=None, headers=()):
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        said = {"host": "localhost"}
        if body is not None:
            said |= {"content-type": "application/json", "content-length": str(len(body))}
        said |= self._headers | dict(headers)
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items()), "", ""]
        self.write("\r\n".join(lines).encode() + (body or b""))

    def write(self, data):
        self._socket.sendall(data)

    def read(self, method="GET"):
        """Read an answer; None when the connection was closed instead."""
        line = self._reader.readline()
        if not line:
            return None
        headers = {}
        while (header := self._reader.readline().strip()) != b"":
            name, _, value = header.decode().partition(": ")
            headers[name] = value
        length = 0 if method == "HEAD" else int(headers["content-length"])
        return Answer(int(line.split()[1]), headers, self._reader.read(length))


class Served(NamedTuple):
    """A process that serves at *url*."""

    process: subprocess.Popen
    url: str

    def connect(self, headers=()):
        return Connection(self.url, headers)

    def stop(self):
        """Tell it to end, and return its exit code and what it has written to stderr."""
        self.process.send_signal(signal.SIGTERM)
        _, said = self.process.communicate(timeout=TIMEOUT_SECONDS)
        return self.process.returncode, said


@contextmanager
def serving(database, *arguments, program=("-m", "messenger", "workflow"), **environment):
    """Run `messenger workflow serve` on any port."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MESSENGER_")}
    process = subprocess.Popen(
        [sys.executable, *program, "serve", "--url", database, "--port", "0", *arguments],
        env=kept | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        url = process.stdout.readline().strip()
        assert re.fullmatch(r"http://[^ ]+:\d+", url), process.communicate()
        yield Served(process, url)
    finally:
        process.kill()
        process.communicate()
