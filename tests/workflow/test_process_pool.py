"""Handlers in processes of their own: what goes there, what comes back, and what dies."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from messenger.workflow import (
    BadResult,
    Context,
    CursorRange,
    HandlerDied,
    HandlerRaised,
    LeaseLost,
    PermanentError,
    RetryLater,
    TimedOut,
)
from messenger.workflow.attempts import process_pool

from . import process_handlers as handlers
from .attempts import SOON_SECONDS, Tried, in_process, on_a_loop, on_loop, opened
from .processes import wait_for_ends


@pytest.fixture(autouse=True)
def found(monkeypatch):
    """Let the processes find the handlers, which pytest imports without `sys.path`."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1]))


class Heartbeats:
    """What a handler sends, to wait for."""

    def __init__(self):
        self.sent = []
        self._came = asyncio.Event()

    def send(self, checkpoint):
        self.sent.append(checkpoint)
        self._came.set()

    async def first(self):
        await self._came.wait()
        return msgspec.json.decode(self.sent[0])


@on_a_loop
async def test_a_handler_runs_in_another_process_which_is_used_again():
    async with opened(processes=1) as runner:
        first = await Tried(runner, in_process(handlers.pid)).returned()

        assert first != os.getpid()
        assert await Tried(runner, in_process(handlers.pid)).returned() == first


@on_a_loop
async def test_the_whole_context_gets_there():
    given = Context(
        input={"items": ["hat"]},
        results={"reserve": 1},
        task_id="t",
        step_id="s",
        step="charge",
        attempt=2,
        cursor_range=CursorRange(0, 5),
        checkpoint=[1],
    )

    async with opened(processes=1) as runner:
        assert await Tried(runner, in_process(handlers.everything), given).returned() == [
            {"items": ["hat"]},
            {"reserve": 1},
            "t",
            "s",
            "charge",
            2,
            CursorRange(0, 5),
            [1],
        ]


@on_a_loop
async def test_what_decisions_and_batches_return_comes_back():
    """A step does so as its name: pickle would refuse it."""
    async with opened(processes=1) as runner:
        assert await Tried(runner, in_process(handlers.choose)).returned() == ["ship"]
        assert await Tried(runner, in_process(handlers.split)).returned() == [CursorRange(0, 5)]


@pytest.mark.parametrize(
    ("function", "kind", "told"),
    [
        (handlers.raise_value_error, ValueError, "^no such account"),
        (handlers.raise_permanent, PermanentError, "^no such account"),
        (handlers.raise_retry_later, RetryLater, "the bank is closed; again in 90 s"),
        (handlers.raise_unreadable, HandlerRaised, "Unreadable: one and other"),
        (handlers.return_a_lambda, BadResult, "cannot leave its process: .*lambda.*; return JSON"),
        (handlers.exit_as_a_program, HandlerDied, r"handler 'work' raised SystemExit\(3\)"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
@on_a_loop
async def test_what_a_handler_raises_comes_back(function, kind, told):
    """The kind decides whether there is another attempt, and when."""
    async with opened(processes=1) as runner:
        with pytest.raises(kind, match=told) as raised:
            await Tried(runner, in_process(function)).returned()

        assert getattr(raised.value, "seconds", 90) == 90


@on_a_loop
async def test_an_error_brings_its_traceback():
    """The line is in a process that nobody can look into."""
    async with opened(processes=1) as runner:
        error = await Tried(runner, in_process(handlers.raise_value_error)).error()

        assert "in raise_value_error" in error.__notes__[0]


@on_a_loop
async def test_a_large_result_comes_through():
    """Whether it can be stored is not decided here."""
    async with opened(processes=1) as runner:
        tried = Tried(runner, in_process(handlers.return_bytes), Context(input=10_000_000))

        assert len(await tried.returned()) == 10_000_000


@on_a_loop
async def test_a_result_that_is_too_large_is_refused_where_it_is_made():
    async with opened(processes=1) as runner:
        with pytest.raises(BadResult, match=r"too large: it takes 70,000,0.. bytes, and 67,108,864 fit"):
            await Tried(runner, in_process(handlers.return_bytes), Context(input=70_000_000)).returned()


@on_a_loop
async def test_what_a_handler_prints_is_no_answer(capfd):
    """It goes to stderr, and there is nothing to read."""
    async with opened(processes=1) as runner:
        assert await Tried(runner, in_process(handlers.print_loudly)).returned() == ""

    assert capfd.readouterr().err == "not an answer\nnor this\n"


@pytest.mark.parametrize(
    ("function", "told"),
    [(handlers.leave, "it ended with exit code 7"), (handlers.kill_itself, "it was killed by SIGKILL")],
)
@on_a_loop
async def test_a_process_that_dies_fails_its_attempt_and_no_other(function, told):
    """`concurrent.futures` would fail them all."""
    async with opened(processes=2) as runner:
        beats = Heartbeats()
        other = Tried(runner, in_process(handlers.hang), Context(send_heartbeat=beats.send))
        await beats.first()

        with pytest.raises(HandlerDied, match=f"handler 'work' ran in a process: {told}"):
            await Tried(runner, in_process(function)).returned()
        assert await Tried(runner, in_process(handlers.double), Context(input=21)).returned() == 42
        assert other.calls == []


@on_a_loop
async def test_a_process_that_died_while_idle_fails_nobody():
    """The kernel may choose any when memory is short."""
    async with opened(processes=1) as runner:
        first = await Tried(runner, in_process(handlers.pid)).returned()
        [child] = runner._process_pool._children._idle
        os.kill(first, signal.SIGKILL)
        await child.ended

        assert await Tried(runner, in_process(handlers.pid)).returned() != first


@on_a_loop
async def test_a_process_that_hangs_is_killed_and_replaced():
    """With what it has started, which would hang on."""
    async with opened(processes=1) as runner:
        beats = Heartbeats()
        context = Context(send_heartbeat=beats.send)
        await Tried(runner, in_process(handlers.pid)).returned()  # so that it has begun
        tried = Tried(runner, in_process(handlers.hang_with_another), context, timeout_seconds=1)

        assert isinstance(await tried.error(), TimedOut)
        wait_for_ends(await beats.first())
        assert await Tried(runner, in_process(handlers.double), Context(input=21)).returned() == 42


@on_a_loop
async def test_heartbeats_come_back_with_their_checkpoints():
    async with opened(processes=1) as runner:
        beats = Heartbeats()
        tried = Tried(runner, in_process(handlers.hang), Context(send_heartbeat=beats.send))

        assert await beats.first() != os.getpid()
        tried.abandon()


@on_a_loop
async def test_a_lost_lease_gets_there(tmp_path):
    """The worker's side refuses a heartbeat, and the handler's next one raises."""

    def refuse(checkpoint):
        raise LeaseLost("gone")

    async with opened(processes=1) as runner:
        context = Context(input=str(tmp_path / "told"), send_heartbeat=refuse)

        assert isinstance(
            await Tried(runner, in_process(handlers.beat_until_lost), context).error(), LeaseLost
        )
        assert (tmp_path / "told").read_text() == "lost"


@on_a_loop
async def test_an_abandoned_handler_finds_out_and_its_process_is_used_again(tmp_path):
    """It can tidy up, which killing it would not let it."""
    async with opened(processes=1) as runner:
        beats = Heartbeats()
        context = Context(input=str(tmp_path / "told"), send_heartbeat=beats.send)
        tried = Tried(runner, in_process(handlers.beat_until_lost), context)
        pid = await beats.first()
        tried.abandon()

        assert await Tried(runner, in_process(handlers.pid)).returned() == pid
        assert (tmp_path / "told").read_text() == "lost"
        assert tried.calls == []


@on_a_loop
async def test_an_abandoned_handler_that_does_not_find_out_is_killed(monkeypatch):
    """One that never sends a heartbeat would keep its process for ever."""
    monkeypatch.setattr(process_pool, "_STOP_SECONDS", SOON_SECONDS)

    async with opened(processes=1) as runner:
        beats = Heartbeats()
        tried = Tried(runner, in_process(handlers.hang), Context(send_heartbeat=beats.send))
        pid = await beats.first()
        tried.abandon()

        assert await Tried(runner, in_process(handlers.pid)).returned() != pid
        wait_for_ends([pid])


@on_a_loop
async def test_the_time_of_an_attempt_begins_when_it_has_a_process(tmp_path):
    """Else one that waits behind others would fail without having run."""
    async with opened(processes=1) as runner:
        beats = Heartbeats()
        context = Context(input=str(tmp_path / "told"), send_heartbeat=beats.send)
        holding = Tried(runner, in_process(handlers.beat_until_lost), context)
        await beats.first()
        waiting = Tried(runner, in_process(handlers.pid), timeout_seconds=1)
        other = Tried(runner, on_loop(lambda context: asyncio.Event().wait()), timeout_seconds=1.1)
        await other.error()
        assert waiting.calls == []
        holding.abandon()

        assert await waiting.returned()


@on_a_loop
async def test_closing_ends_all_processes():
    async with opened(processes=2) as runner:
        beats = Heartbeats()
        tried = Tried(runner, in_process(handlers.hang), Context(send_heartbeat=beats.send))
        idle = await Tried(runner, in_process(handlers.pid)).returned()
        pids = [idle, await beats.first()]

        assert await runner.close() == 1

    assert tried.calls == []
    wait_for_ends(pids)


WORKER = """
import asyncio, os, sys, threading
from messenger.workflow import Context, Runner
from messenger.workflow.handlers import handler_of

def hang(context):
    context.heartbeat(os.getpid())
    threading.Event().wait()

def pid(context):
    return os.getpid()

async def main():
    runner = Runner(processes=2)
    began = asyncio.get_running_loop().create_future()
    context = Context(send_heartbeat=lambda beat: began.set_result(beat.decode()))
    runner.run(handler_of(hang, runs_in="process"), context, 60, print)
    idle = asyncio.get_running_loop().create_future()
    runner.run(handler_of(pid, runs_in="process"), Context(), 60, lambda *outcome: idle.set_result(outcome))
    async with asyncio.timeout(60):
        print(await began, *await idle, flush=True)
    await asyncio.Event().wait()

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_no_process_outlives_a_worker_that_is_killed(tmp_path):
    """Neither an idle one nor one that hangs; the handlers are in the program itself, too."""
    program = tmp_path / "worker.py"
    program.write_text(WORKER)
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True) as worker:
        busy, idle, error = worker.stdout.readline().split()
        worker.kill()

    assert error == "None"
    wait_for_ends([int(busy), int(idle)])
