"""End to end through a real `messenger node` process and two pipes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from threading import Thread

import pytest

from messenger.node import parse


class NodeProcess:
    """A `messenger node`, its pipes, and a count of the lines that came back."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "messenger", "node"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
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


@pytest.fixture
def node(init_line) -> Iterator[NodeProcess]:
    node = NodeProcess()
    node.exchange(init_line, 1)
    yield node
    assert node.stop() == 0


def bench_throughput(benchmark, node, echo_line):
    """As fast as the pipes take them."""
    benchmark.group = "process"
    lines = echo_line(128) * 10_000

    last = benchmark.pedantic(node.stream, (lines, 10_000), rounds=20, warmup_rounds=2)

    _assert_echo(last, echo_line(128))


@pytest.mark.target(p99="10ms")
@pytest.mark.parametrize("outstanding", [1, 64], ids=lambda count: f"{count}-outstanding")
def bench_round_trip(benchmark, one_core, node, echo_line, outstanding):
    """From the write that sends so many requests to the read that brings the last reply."""
    benchmark.group = "process"
    lines = echo_line(128) * outstanding

    last = benchmark.pedantic(node.exchange, (lines, outstanding), rounds=2_000, warmup_rounds=100)

    _assert_echo(last, echo_line(128))


def _assert_echo(output: bytes, request_line: bytes) -> None:
    assert parse(output.splitlines()[-1]).body["echo"] == parse(request_line).body["echo"]
