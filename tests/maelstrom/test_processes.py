"""Node processes."""

import asyncio
import os
import select

import pytest

from messenger.maelstrom.network import Envelope
from messenger.maelstrom.processes import CannotStart, NodeProcess
from messenger.maelstrom.wire import parse, write_message

from .driver import node_command

TIMEOUT_SECONDS = 20.0


class Talk:
    """A node, and what it has said."""

    def __init__(self, script, folder):
        self.lines = asyncio.Queue()
        self.complaints = asyncio.Queue()
        self.node = NodeProcess(
            "n0",
            node_command(script),
            folder / "n0.log",
            take_line=lambda name, line: self.lines.put_nowait(parse(line)),
            complain=self.complaints.put_nowait,
        )

    async def ask(self, type_, **fields):
        body = {"type": type_, "msg_id": 1, **fields}
        self.node.deliver(Envelope(0, write_message("c1", "n0", body)))
        return await asyncio.wait_for(self.lines.get(), TIMEOUT_SECONDS)

    async def start(self):
        await self.node.start()
        await self.ask("init", node_id="n0", node_ids=["n0"])


@pytest.fixture
def pipe(tmp_path):
    """A pipe for processes to hold open: a path for them, and a descriptor for us."""
    os.mkfifo(tmp_path / "pipe")
    descriptor = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    yield tmp_path / "pipe", descriptor
    os.close(descriptor)


@pytest.mark.parametrize("paused", [False, True])
def test_a_node_that_does_not_want_to_go_is_killed_with_its_children(paused, tmp_path, pipe):
    """Deaf to the end of its input, to SIGTERM, and perhaps stopped as well."""
    path, descriptor = pipe

    async def start_and_stop():
        talk = Talk(f"echo.py stubborn {path}", tmp_path)
        await talk.start()
        await asyncio.to_thread(os.read, descriptor, 1)
        if paused:
            talk.node.pause()
        await talk.node.stop(grace_seconds=0.05)
        return talk.complaints.qsize()

    complaints = asyncio.run(start_and_stop())

    assert complaints == 0
    assert select.select([descriptor], [], [], TIMEOUT_SECONDS)[0]
    assert os.read(descriptor, 1) == b""


def test_a_paused_node_answers_when_it_is_resumed(tmp_path):
    """It has noticed nothing but the time."""

    async def talk_to_it():
        talk = Talk("echo.py", tmp_path)
        await talk.start()
        talk.node.pause()
        answer = asyncio.create_task(talk.ask("echo", echo="still there?"))
        await asyncio.sleep(0)
        before = answer.done()
        talk.node.resume()
        message = await answer
        await talk.node.stop(grace_seconds=TIMEOUT_SECONDS)
        return before, message

    before, message = asyncio.run(talk_to_it())

    assert not before
    assert b"still there?" in bytes(message.body)


def test_a_killed_node_can_be_started_again(tmp_path):
    """And what it is told in between is lost, not an error."""

    async def kill_and_start():
        talk = Talk("unique_ids.py", tmp_path)
        await talk.start()
        first = await talk.ask("generate")
        await talk.node.kill()
        talk.node.deliver(Envelope(0, write_message("c1", "n0", {"type": "generate", "msg_id": 2})))
        await talk.start()
        second = await talk.ask("generate")
        await talk.node.stop(grace_seconds=TIMEOUT_SECONDS)
        return first, second, talk.complaints.qsize()

    first, second, complaints = asyncio.run(kill_and_start())

    assert bytes(first.body) == bytes(second.body), "it has forgotten what it has made"
    assert complaints == 0


def test_a_program_that_is_not_there_cannot_be_started(tmp_path):
    """The error names it."""
    node = NodeProcess("n0", ["./nothing"], tmp_path / "log", take_line=print, complain=print)

    with pytest.raises(CannotStart, match=r"cannot run \./nothing: No such file"):
        asyncio.run(node.start())
