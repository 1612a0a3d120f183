"""A node at full speed among everything that goes wrong: nothing is lost, and memory stays where it is.

A second and a million messages by default; MESSENGER_SOAK_SECONDS=60 makes it a minute, and
MESSENGER_SOAK_MESSAGES=10000000 ten millions.
"""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from .driver import INIT, NodeProcess, request

SECONDS = float(os.environ.get("MESSENGER_SOAK_SECONDS", "1"))
MESSAGES = int(os.environ.get("MESSENGER_SOAK_MESSAGES", "1000000"))
BATCH = 500
BAD = (b"", b"garbage", b"[]", b'{"src":1}', b"\xff\xfe", b'{"src":"c1","dest":"n1","body":{}}', b"{" * 5000)

ASYNC = """
from messenger.node import Node
node = Node()
@node.on
async def echo(echo): return {"echo": echo}
node.run()
"""


@pytest.mark.parametrize("program", [None, ASYNC], ids=["sync", "async"])
def test_a_soak_loses_no_reply_and_no_memory(program):
    """Bad lines, a reader that stalls, and SIGTERM in the end."""
    chance = random.Random(7)
    sent = answered = 0
    with NodeProcess(program) as node:
        node.ask(INIT)
        ends = time.monotonic() + SECONDS
        early = None
        while time.monotonic() < ends or early is None:
            lines = [request("echo", sent + number, echo="x" * 100) for number in range(BATCH)]
            lines.insert(chance.randrange(BATCH), chance.choice(BAD) + b"\n")
            node.send_in_background(*lines)
            if chance.random() < 0.01:
                time.sleep(0.05)  # nobody reads: the reader itself is what is tested here
            replies = read_replies(node, BATCH)
            assert [reply["in_reply_to"] for reply in replies] == list(range(sent, sent + BATCH))
            sent += BATCH
            answered += len(replies)
            if early is None and sent >= 20 * BATCH:
                early = resident_bytes(node)
        late = resident_bytes(node)
        node.send(*(request("echo", sent + number, echo="x") for number in range(50)))
        node.process.send_signal(signal.SIGTERM)
        rest = [reply for reply in node.finish() if "in_reply_to" in reply["body"]]

        assert answered == sent
        assert len(rest) == 50
        assert node.exit_code() == 0
        assert late - early < 2 << 20


@pytest.mark.parametrize("program", [None, ASYNC], ids=["sync", "async"])
def test_memory_after_all_is_memory_after_a_hundred_thousand(program):
    """What a node remembers of a message, its statistics say in fixed room."""
    lines = request("echo", 2, echo="x" * 100) * 10_000
    with NodeProcess(program) as node:
        node.ask(INIT)

        def echo(messages):
            for _ in range(messages // 10_000):
                node.send_in_background(lines)
                node.read_lines(10_000)
            return resident_bytes(node)

        early = echo(100_000)
        late = echo(MESSAGES - 100_000)

        assert late - early < 1 << 20


def read_replies(node, count):
    """Read the next *count* replies to requests; errors about bad lines have no in_reply_to."""
    found = []
    while len(found) < count:
        bodies = [message["body"] for message in node.read(count - len(found))]
        found += [body for body in bodies if "in_reply_to" in body]
    return found


def resident_bytes(node):
    status = Path(f"/proc/{node.process.pid}/statm")
    if not status.exists():
        pytest.skip("this system does not tell how much memory a process has")
    return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
