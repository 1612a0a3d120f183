"""End to end through a real `messenger node` process and two pipes."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Thread

import pytest

from messenger.node import parse

NODE = ["-m", "messenger", "node"]

# No dispatch, no errors, no statistics, no signals: what reading, decoding and writing cost. As fast as we
# know to write it: in a function, without copies of what is whole, and with the last read's buffer given back
# before the next, which alone saves a quarter of a round trip.
BARE = """
import os
import msgspec
from messenger.node import Body, Message

class Init(Body): node_id: str
class InitOk(Body): pass
class Echo(Body): echo: object
class EchoOk(Body): echo: object

def main():
    decode = msgspec.json.Decoder(Message[Init | Echo]).decode_lines
    encode = msgspec.json.Encoder().encode_lines
    msg_id, rest = 0, b""
    while chunk := os.read(0, 1 << 16):
        if rest or chunk[-1] != 10:
            end = chunk.rfind(b"\\n") + 1
            chunk, rest = rest + chunk[:end], chunk[end:]
        replies = []
        for request in decode(chunk):
            body = request.body
            if type(body) is Echo:
                answer = EchoOk(echo=body.echo, in_reply_to=body.msg_id, msg_id=msg_id)
            else:
                answer = InitOk(in_reply_to=body.msg_id, msg_id=msg_id)
            msg_id += 1
            replies.append(Message(request.dest, request.src, answer))
        os.write(1, encode(replies))
        chunk = None

main()
"""

# The echo workload with a handler that may wait, and does not.
ASYNC = """
from typing import Any
from messenger.node import Body, Node

node = Node()

class Echo(Body): echo: Any
class EchoOk(Body): echo: Any

@node.on
async def echo(request: Echo) -> EchoOk:
    return EchoOk(request.echo)

node.run()
"""


# It asks a store before it answers.
PROXY = """
from messenger.node import Body, Node

node = Node()

class Get(Body): key: int
class GetOk(Body): value: int
class Read(Body): key: int
class ReadOk(Body): value: int

@node.on
async def get(request: Get) -> GetOk:
    return GetOk(value=(await node.rpc("lin-kv", Read(key=request.key), ReadOk)).value)

node.run()
"""


class NodeProcess:
    """A `messenger node`, or another Python *command*, its pipes, and a count of the lines that came back."""

    def __init__(self, command: Sequence[str] = NODE) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input_fd = self._process.stdin.fileno()
        self._output_fd = self._process.stdout.fileno()

    def exchange(self, lines: bytes, count: int) -> bytes:
        """Write *lines* in one write and read until *count* lines have come back; return the last read."""
        os.write(self._input_fd, lines)
        return self.read(count)

    def stream(self, lines: bytes, count: int) -> bytes:
        """Do as `exchange` with more than a pipe holds: a thread writes while this one reads."""
        writer = Thread(target=self._write_all, args=(lines,))
        writer.start()
        last = self.read(count)
        writer.join()
        return last

    def read(self, count: int) -> bytes:
        while True:
            chunk = os.read(self._output_fd, 1 << 16)
            assert chunk, "the node has gone"
            count -= chunk.count(b"\n")
            if count <= 0:
                assert count == 0, "the node said more than it was asked"
                return chunk

    def stop(self) -> int:
        self._process.stdin.close()
        return self._process.wait(timeout=30)

    def _write_all(self, lines: bytes) -> None:
        rest = memoryview(lines)
        while rest:
            rest = rest[os.write(self._input_fd, rest) :]


@pytest.fixture
def one_core() -> Iterator[None]:
    """Keep this process, and the node it starts, on one core where that can be had.

    A virtual machine takes 80 us to wake an idle core, six times what the round trip itself takes.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    yield
    os.sched_setaffinity(0, cores)


@contextmanager
def running(program: str, init_line: bytes) -> Iterator[NodeProcess]:
    """Run a Python *program*, initialised, and let it end when its input does."""
    process = NodeProcess(["-c", program])
    process.exchange(init_line, 1)
    yield process
    assert process.stop() == 0


@pytest.fixture
def node(init_line) -> Iterator[NodeProcess]:
    node = NodeProcess()
    node.exchange(init_line, 1)
    yield node
    assert node.stop() == 0


def bench_throughput(benchmark, node, echo_line):
    """As fast as the pipes take them."""
    _time_throughput(benchmark, node, echo_line(128))


def bench_throughput_async(benchmark, init_line, echo_line):
    """The same, to a handler that may wait."""
    with running(ASYNC, init_line) as process:
        _time_throughput(benchmark, process, echo_line(128))


def bench_throughput_bare(benchmark, init_line, echo_line):
    """The floor: a bare msgspec loop."""
    with running(BARE, init_line) as process:
        _time_throughput(benchmark, process, echo_line(128))


def _time_throughput(benchmark, process, line):
    benchmark.group = "process, as much as the pipes take"
    lines = line * 10_000

    last = benchmark.pedantic(process.stream, (lines, 10_000), rounds=20, warmup_rounds=2)

    _assert_echo(last, line)


@pytest.mark.target(p99="10ms")
@pytest.mark.parametrize("outstanding", [1, 64], ids=lambda count: f"{count}-outstanding")
def bench_round_trip(benchmark, one_core, node, echo_line, outstanding):
    """From the write that sends so many requests to the read that brings the last reply."""
    _time_round_trip(benchmark, node, echo_line(128), outstanding)


@pytest.mark.parametrize("outstanding", [1, 64], ids=lambda count: f"{count}-outstanding")
def bench_round_trip_bare(benchmark, one_core, init_line, echo_line, outstanding):
    """The floor: a bare msgspec loop between `os.read` and `os.write`."""
    with running(BARE, init_line) as process:
        _time_round_trip(benchmark, process, echo_line(128), outstanding)


def bench_proxy_trip(benchmark, one_core, init_line):
    """From the write of 64 requests, by way of the store that this process plays, to the last answer."""
    outstanding = 64
    asks = b'{"src":"c1","dest":"n1","body":{"type":"get","msg_id":7,"key":1}}\n' * outstanding
    stored = (
        b'{"src":"lin-kv","dest":"n1","body":{"type":"read_ok","value":3,"in_reply_to":%d}}\n' * outstanding
    )
    benchmark.group = f"process, {outstanding} outstanding"

    with running(PROXY, init_line) as process:

        def proxy():
            last = process.exchange(asks, outstanding)
            last_id = int(last[last.rindex(b":") + 1 : last.rindex(b"}}")])
            ids = range(last_id - outstanding + 1, last_id + 1)
            return process.exchange(stored % tuple(ids), outstanding)

        last = benchmark.pedantic(proxy, rounds=2_000, warmup_rounds=100)

    assert parse(last.splitlines()[-1]).body["value"] == 3


def _time_round_trip(benchmark, process, line, outstanding):
    benchmark.group = f"process, {outstanding} outstanding"

    last = benchmark.pedantic(
        process.exchange, (line * outstanding, outstanding), rounds=2_000, warmup_rounds=100
    )

    _assert_echo(last, line)


def bench_start(benchmark, init_line):
    """From nothing to init_ok, and to the end of the process."""
    benchmark.group = "start"

    def start():
        process = NodeProcess()
        process.exchange(init_line, 1)
        return process.stop()

    assert benchmark.pedantic(start, rounds=10, warmup_rounds=1) == 0


def bench_start_bare(benchmark):
    """The floor: an interpreter that imports msgspec and asyncio, and does nothing."""
    benchmark.group = "start"
    command = [sys.executable, "-c", "import msgspec, asyncio"]

    assert benchmark.pedantic(subprocess.call, (command,), rounds=10, warmup_rounds=1) == 0


def _assert_echo(output: bytes, request_line: bytes) -> None:
    assert parse(output.splitlines()[-1]).body["echo"] == parse(request_line).body["echo"]
