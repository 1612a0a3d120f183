"""Ping-pong: the floor of a round trip, bytes through a pair of pipes and back with nothing in between.

As a program, `python -m messenger.bus.latency.ping_pong BYTES` sends stdin back to stdout.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Ping = Callable[[bytes], None]


@contextmanager
def between_processes(payload_bytes: int) -> Iterator[Ping]:
    """Give what sends so many bytes to another process, and returns when they are back."""
    command = [sys.executable, "-m", __name__, str(payload_bytes)]
    there, here = os.pipe(), os.pipe()
    with subprocess.Popen(command, stdin=there[0], stdout=here[1], process_group=0):
        os.close(there[0])
        os.close(here[1])
        try:
            yield _pinging(here[0], there[1])
        finally:
            os.close(there[1])  # its end of file, at which it ends
            os.close(here[0])


@contextmanager
def between_threads(payload_bytes: int) -> Iterator[Ping]:
    """Give what does the same with another thread of this process."""
    there, here = os.pipe(), os.pipe()
    thread = threading.Thread(target=send_back, args=(there[0], here[1], payload_bytes), daemon=True)
    thread.start()
    try:
        yield _pinging(here[0], there[1])
    finally:
        os.close(there[1])
        thread.join()
        for descriptor in (there[0], *here):
            os.close(descriptor)


def send_back(source: int, target: int, payload_bytes: int) -> None:
    """Write each *payload_bytes* that come from *source* to *target*, until its end."""
    while ball := _read(source, payload_bytes):
        _write(target, ball)


def _pinging(source: int, target: int) -> Ping:
    def ping(ball: bytes) -> None:
        _write(target, ball)
        if len(_read(source, len(ball))) < len(ball):
            raise BrokenPipeError("the other side of the ping-pong is gone")

    return ping


def _read(source: int, size: int) -> bytes:
    """Read all of a ball before any is sent back: two who both write wait for each other for ever."""
    ball = os.read(source, size)
    while ball and len(ball) < size:
        if not (more := os.read(source, size - len(ball))):
            return b""
        ball += more
    return ball


def _write(target: int, ball: bytes) -> None:
    while (written := os.write(target, ball)) < len(ball):
        ball = ball[written:]


if __name__ == "__main__":
    with suppress(BrokenPipeError):  # whoever pinged is gone
        send_back(0, 1, int(sys.argv[1]))
