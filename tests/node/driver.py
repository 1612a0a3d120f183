"""Nodes to talk to: in this process, or in one of their own on real pipes."""

import asyncio
import fcntl
import json
import os
import select
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from typing import Any, Self

from messenger.node import Node

TIMEOUT_SECONDS = 20.0
"""How long a node may take for anything before it counts as hung."""

INIT = b'{"src":"c0","dest":"n1","body":{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n1"]}}\n'


def request(type_: str, msg_id: int | None = 2, src: str = "c1", **fields: Any) -> bytes:
    """Write a request as a line; a *msg_id* of None leaves it out."""
    ids = {} if msg_id is None else {"msg_id": msg_id}
    return line({"src": src, "dest": "n1", "body": {"type": type_, **ids, **fields}})


def line(message: Any) -> bytes:
    return json.dumps(message).encode() + b"\n"


def messages(output: bytes) -> list[Any]:
    return [json.loads(text) for text in output.splitlines()]


def bodies(output: bytes) -> list[Any]:
    return [message["body"] for message in messages(output)]


def ask(node: Node, *lines: bytes) -> list[Any]:
    """Hand *lines* to a node whose handlers do not wait, in one batch; return the bodies it answers."""
    output = node.receive(b"".join(lines))
    while later := node.flushed():
        output += later
    return bodies(output)


def ask_waiting(node: Node, *lines: bytes) -> list[Any]:
    """Do as `ask`, on an event loop, until every handler that waits has answered."""

    async def talk() -> bytes:
        answered = asyncio.Event()
        node.wake = answered.set
        output = node.receive(b"".join(lines))
        output += node.flushed()
        while node.in_flight:
            await answered.wait()
            answered.clear()
            output += node.finished()
            output += node.flushed()
        return output

    async def in_time() -> bytes:
        return await asyncio.wait_for(talk(), TIMEOUT_SECONDS)

    return bodies(asyncio.run(in_time()))


def unread_bytes(fd: int) -> int:
    """Return how much a pipe holds."""
    return int(struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4))[0])


class NodeProcess:
    """`messenger node`, or another Python *program*; a context manager that leaves no process behind."""

    def __init__(
        self, program: str | None = None, *, workload: str = "echo", stderr: int | None = None, **streams: int
    ) -> None:
        command = ["-m", "messenger", "node", workload] if program is None else ["-c", program]
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process; a pipe would fill unread
        self._unread = b""
        self.process = subprocess.Popen(
            [sys.executable, *command],
            bufsize=0,
            stderr=self._stderr if stderr is None else stderr,
            **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, **streams},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self._stderr):
            if stream is not None:
                stream.close()

    def send(self, *lines: bytes) -> None:
        assert self.process.stdin is not None
        rest = memoryview(b"".join(lines))
        while rest:
            rest = rest[os.write(self.process.stdin.fileno(), rest) :]

    def send_in_background(self, *lines: bytes) -> None:
        """Send more than the pipes hold, while the caller reads the replies."""
        threading.Thread(target=self.send, args=lines, daemon=True).start()

    def stall_until_full(self) -> None:
        """Read nothing until the node has filled the pipe, and for a while after."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + TIMEOUT_SECONDS
        size = fcntl.fcntl(self.process.stdout, fcntl.F_GETPIPE_SZ)
        while unread_bytes(self.process.stdout.fileno()) < size - 4096:
            assert time.monotonic() < deadline, "the node has stopped writing"
            time.sleep(0.01)
        time.sleep(0.15)

    def read(self, count: int) -> list[Any]:
        """Return the next *count* messages."""
        return [json.loads(text) for text in self.read_lines(count)]

    def read_lines(self, count: int) -> list[bytes]:
        """Return the next *count* lines, however they are cut into reads."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + TIMEOUT_SECONDS
        chunks, missing = [self._unread], count - self._unread.count(b"\n")
        while missing > 0:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"no reply within {TIMEOUT_SECONDS:g} s; stderr: {self.complaints}"
            chunk = os.read(self.process.stdout.fileno(), 1 << 20)
            assert chunk, f"the node has closed stdout; stderr: {self.complaints}"
            chunks.append(chunk)
            missing -= chunk.count(b"\n")
        self._unread = b"".join(chunks)
        *lines, self._unread = self._unread.split(b"\n", count)
        return lines

    def ask(self, *lines: bytes) -> Any:
        """Send *lines* and return the body of the next message."""
        self.send(*lines)
        return self.read(1)[0]["body"]

    def finish(self, *lines: bytes) -> list[Any]:
        """Send *lines*, end the input, and return every message up to the end of the output."""
        output, _ = self.process.communicate(b"".join(lines), timeout=TIMEOUT_SECONDS)
        return messages(self._unread + output)

    def exit_code(self) -> int:
        return self.process.wait(TIMEOUT_SECONDS)

    @property
    def complaints(self) -> str:
        """What it has written to stderr so far."""
        size = os.fstat(self._stderr.fileno()).st_size
        return os.pread(self._stderr.fileno(), size, 0).decode()
