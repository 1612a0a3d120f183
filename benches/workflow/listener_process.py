"""Listeners, as a process: `python -m benches.workflow.listener_process KIND URL CHANNEL LISTENERS`.

A notification's payload is when it was sent, in nanoseconds of the clock that all processes share. Once all
have heard one, a line is written with how long that took each of them, in nanoseconds. To `hour` the payload
is nothing, and the line says when it was heard, in nanoseconds since 1970.
"""

import asyncio
import os
import select
import sys
from time import monotonic_ns, time_ns

from messenger.workflow.doorbell import PostgresDoorbell, Ring
from messenger.workflow.postgres.connection import connect


def raw(url: str, channel: str, listeners: int) -> None:
    """The floor: libpq and `select.poll`, and nothing between."""
    connections = {}
    poll = select.poll()
    for _ in range(listeners):
        connection = connect(url)
        connection.execute(f"LISTEN {channel}")
        connections[connection.fileno()] = connection
        poll.register(connection.fileno(), select.POLLIN)
    poll.register(sys.stdin, select.POLLIN)
    print("ready", flush=True)
    took: list[int] = []
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == sys.stdin.fileno():
                return
            pgconn = connections[descriptor].pgconn
            pgconn.consume_input()
            while (notice := pgconn.notifies()) is not None:
                took.append(monotonic_ns() - int(notice.extra))
        if len(took) == listeners:
            tell(took)


async def doorbell(url: str, channel: str, listeners: int) -> None:
    """As the engine listens."""
    took: list[int] = []

    def heard(sent_ns: str | None) -> None:
        if sent_ns is not None:
            took.append(monotonic_ns() - int(sent_ns))
            if len(took) == listeners:
                tell(took)

    await listen(url, channel, listeners, heard)


async def hour(url: str, channel: str, listeners: int) -> None:
    """As the engine listens."""
    await listen(url, channel, listeners, lambda payload: tell([time_ns()]) if payload is not None else None)


async def listen(url: str, channel: str, listeners: int, heard: Ring) -> None:
    """Have doorbells ring *heard* until the input ends."""
    bells = [PostgresDoorbell(url, {channel: heard}) for _ in range(listeners)]
    for bell in bells:
        await bell.start()
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, ended.set)
    print("ready", flush=True)
    await ended.wait()
    for bell in bells:
        await bell.stop()


def tell(took: list[int]) -> None:
    os.write(1, (" ".join(map(str, took)) + "\n").encode())
    took.clear()


KINDS = {kind.__name__: kind for kind in (raw, doorbell, hour)}

if __name__ == "__main__":
    kind, url, channel, listeners = sys.argv[1:]
    result = KINDS[kind](url, channel, int(listeners))
    if result is not None:
        asyncio.run(result)
