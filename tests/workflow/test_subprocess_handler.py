"""Programs as handlers: what they read, what they may write, and how they die."""

import asyncio
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from messenger.workflow import (
    BadLine,
    Context,
    CursorRange,
    HandlerDied,
    HandlerFailed,
    Handlers,
    LeaseLost,
    PermanentError,
    RetryLater,
    TimedOut,
    subprocess_handler,
)

from .attempts import Tried, on_a_loop, opened
from .processes import wait_for_ends

COMMAND = [sys.executable, str(Path(__file__).with_name("answering.py"))]


def answering(**options):
    """Make a handler of the program."""
    handlers = Handlers()
    handlers.add(subprocess_handler(COMMAND, **options), "work")
    return handlers["work"]


def saying(*lines):
    """Make the context in which the program writes *lines*."""
    return Context(input={"say": [line if isinstance(line, str) else json.dumps(line) for line in lines]})


@on_a_loop
async def test_a_program_reads_its_context_and_writes_its_result():
    """Here, what it has read."""
    given = Context(
        input={"items": ["hat\n", "Ünïcode"]},
        results={"reserve": 1},
        task_id="t",
        step_id="s",
        step="charge",
        attempt=2,
        cursor_range=CursorRange(0, 5),
        checkpoint=[1],
    )

    async with opened() as runner:
        assert await Tried(runner, answering(), given).returned() == {
            "task_id": "t",
            "step_id": "s",
            "step": "charge",
            "attempt": 2,
            "input": {"items": ["hat\n", "Ünïcode"]},
            "results": {"reserve": 1},
            "cursor_range": {"start": 0, "end": 5},
            "checkpoint": [1],
        }


@on_a_loop
async def test_a_process_is_used_again():
    """Starting one takes longer than most attempts do."""
    async with opened() as runner:
        handler = answering()
        first = Tried(runner, handler, Context(input={"pid": True}))
        second = Tried(runner, handler, Context(input={"pid": True}))

        assert await first.returned() == await second.returned()


@on_a_loop
async def test_as_many_processes_work_at_once_as_are_allowed():
    async with opened() as runner:
        handler = answering(processes=2)
        hanging = Tried(runner, handler, Context(input={"hang": True}))

        assert await Tried(runner, handler, Context(input={"pid": True})).returned()
        assert hanging.calls == []


@on_a_loop
async def test_heartbeats_bring_checkpoints():
    """With null it is only alive."""
    sent = []
    lines = {"heartbeat": {"row": 1}}, {"heartbeat": None}, {"result": 7}

    async with opened() as runner:
        context = Context(input=saying(*lines).input, send_heartbeat=sent.append)

        assert await Tried(runner, answering(), context).returned() == 7
        assert sent == [b'{"row":1}', None]


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        ({"error": "closed"}, HandlerFailed, "closed"),
        ({"error": "closed", "permanent": True}, PermanentError, "closed"),
        ({"error": "closed", "retry_seconds": 90}, RetryLater, "closed; again in 90 s"),
        ({"error": "closed", "retry_seconds": -1}, BadLine, "Expected `float` >= 0"),
    ],
)
@on_a_loop
async def test_a_program_may_fail_as_other_handlers_do(answer, kind, told):
    async with opened() as runner:
        with pytest.raises(kind, match=told):
            await Tried(runner, answering(), saying(answer)).returned()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("connected to the bank", r"it wrote 'connected to the bank' to stdout, which is no answer: JSON is"),
        ("7", "no answer: Expected `object`, got `int`"),
        ("", "it wrote '' to stdout"),
        ("{}", "it has none of heartbeat, result and error"),
        ('{"error": 7}', r"Expected `str`, got `int` - at `\$.error`"),
        ('{"result": "\\ud800"}', "it wrote"),
    ],
)
@on_a_loop
async def test_what_is_no_answer_is_shown(line, told):
    """It was written by a library, mostly, and belongs to stderr; the process is started afresh."""
    async with opened() as runner:
        handler = answering()
        with pytest.raises(BadLine, match=told):
            await Tried(runner, handler, saying(line)).returned()

        assert await Tried(runner, handler, saying({"result": 8})).returned() == 8


@on_a_loop
async def test_what_is_said_after_the_result_is_nobodys_result():
    """The next attempt would take it for its own."""
    async with opened() as runner:
        handler = answering()

        for number in range(5):
            both = f'{{"result": {number}}}\n{{"result": "stale"}}'
            assert await Tried(runner, handler, saying(both)).returned() == number


@on_a_loop
async def test_an_answer_that_names_another_step_is_refused():
    """It comes too late to be seen between two attempts, so a program had better say what it answers."""
    answer = json.dumps({"result": 7, "step_id": "8c1f"})

    async with opened() as runner:
        given = saying(answer)
        assert await Tried(runner, answering(), Context(input=given.input, step_id="8c1f")).returned() == 7
        with pytest.raises(BadLine, match="it is about step '8c1f', and '77aa' was asked for"):
            await Tried(runner, answering(), Context(input=given.input, step_id="77aa")).returned()


@on_a_loop
async def test_a_line_without_an_end_is_refused():
    """It would fill the memory."""
    async with opened() as runner:
        with pytest.raises(BadLine, match="a line of more than 4,194,304 bytes"):
            await Tried(runner, answering(), Context(input={"write_a_long_line": 5_000_000})).returned()


@on_a_loop
async def test_a_program_that_dies_fails_its_attempt_with_its_last_words(capsys):
    """Why it died is there, if anywhere; the next attempt starts another."""
    async with opened() as runner:
        handler = answering()
        with pytest.raises(
            HandlerDied,
            match=r"handler 'work' runs .*: it ended with exit code 3, and last wrote to stderr:\nno disk$",
        ):
            await Tried(runner, handler, Context(input={"fail": 3})).returned()
        with pytest.raises(HandlerDied, match="it was killed by SIGKILL"):
            await Tried(runner, handler, Context(input={"kill": 9})).returned()

        assert await Tried(runner, handler, saying({"result": 8})).returned() == 8
    assert capsys.readouterr().err == "no disk\n"


@on_a_loop
async def test_a_program_that_leaves_another_behind_is_seen_to_have_ended():
    """The other holds its pipes, so there is no end to read; it is killed."""
    pids = []

    async with opened() as runner:
        context = Context(
            input={"leave_another_behind": True},
            send_heartbeat=lambda checkpoint: pids.append(msgspec.json.decode(checkpoint)),
        )

        with pytest.raises(HandlerDied, match="it ended with exit code 1"):
            await Tried(runner, answering(), context).returned()
        wait_for_ends(pids)
        assert len(pids) == 1


@on_a_loop
async def test_a_result_that_was_written_before_the_end_counts():
    """The loop may hear of the end before it has read."""
    async with opened() as runner:
        handler = answering()
        pid = await Tried(runner, handler, Context(input={"pid": True})).returned()
        tried = Tried(runner, handler, Context(input={"say_and_leave": "done"}))
        await asyncio.sleep(0)
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # and the loop stands still

        assert await tried.returned() == "done"


@on_a_loop
async def test_a_program_that_cannot_be_started_says_so():
    async with opened() as runner:
        handlers = Handlers()
        handlers.add(subprocess_handler(["/no/such/program"]), "work")

        for _ in range(2):
            with pytest.raises(HandlerDied, match=r"'work' runs /no/such/program: it cannot be .*No such"):
                await Tried(runner, handlers["work"]).returned()


@on_a_loop
async def test_a_program_may_write_much_to_stderr(capsys):
    """A pipe that nobody reads takes 64 KiB, and then the program stands still."""
    async with opened() as runner:
        tried = Tried(runner, answering(), Context(input={"write_to_stderr": 10_000}))

        assert await tried.returned() == "written"
    assert len(capsys.readouterr().err) > 0


@pytest.mark.parametrize("ending", ["timeout", "abandoned"])
@on_a_loop
async def test_a_program_that_nobody_waits_for_is_killed_and_replaced(ending):
    """With what it has started, which would hang on."""
    loop = asyncio.get_running_loop()
    pids = loop.create_future()

    async with opened() as runner:
        handler = answering()
        await Tried(runner, handler, saying({"result": 7})).returned()  # so that it has begun
        context = Context(input={"hang": True}, send_heartbeat=pids.set_result)
        tried = Tried(runner, handler, context, timeout_seconds=1 if ending == "timeout" else 60)
        hanging = msgspec.json.decode(await pids)
        if ending == "timeout":
            assert isinstance(await tried.error(), TimedOut)
        else:
            tried.abandon()

        assert await Tried(runner, handler, saying({"result": 8})).returned() == 8
        wait_for_ends(hanging)


@on_a_loop
async def test_a_lost_lease_ends_the_process():
    """That is how it gets there: there is no line that says so."""
    pids = []

    def refuse(checkpoint):
        pids.append(msgspec.json.decode(checkpoint))
        raise LeaseLost("gone")

    async with opened() as runner:
        context = Context(input={"beat_forever": True}, send_heartbeat=refuse)

        assert isinstance(await Tried(runner, answering(), context).error(), LeaseLost)
        wait_for_ends(pids)
        assert len(pids) == 1


@on_a_loop
async def test_more_heartbeats_than_are_kept_all_arrive():
    """The program is held up meanwhile, and goes on."""
    sent = []
    both = "\n".join(['{"heartbeat": 1}'] * 20_000 + ['{"result": 7}'])

    async with opened() as runner:
        context = Context(input=saying(both).input, send_heartbeat=sent.append)

        assert await Tried(runner, answering(), context).returned() == 7
        assert len(sent) == 20_000


@on_a_loop
async def test_a_program_that_talks_while_nobody_listens_is_held_up():
    """What it says would fill the memory."""
    async with opened() as runner:
        handler = answering()
        await Tried(runner, handler, Context(input={"answer_and_beat": True})).returned()
        [child] = handler.function._children._idle

        while child._output.is_reading():
            await asyncio.sleep(0)

        assert await Tried(runner, handler, saying({"result": 8})).returned() == 8


@on_a_loop
async def test_it_can_be_called_for_a_test():
    handler = subprocess_handler(COMMAND)

    assert await handler(saying({"result": 8})) == 8

    await handler.close()


WORKER = """
import asyncio, sys
from messenger.workflow import Context, Runner, subprocess_handler
from messenger.workflow.handlers import handler_of

async def main():
    runner = Runner()
    handler = handler_of(subprocess_handler(sys.argv[1:]), "work")
    done = lambda returned, error: print(returned, flush=True)
    runner.run(handler, Context(input={"pid": True}), 60, done)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_a_program_sees_the_end_of_a_worker_that_is_killed():
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, *COMMAND], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with worker:
        pid = int(worker.stdout.readline())
        worker.kill()

    wait_for_ends([pid])


@pytest.mark.parametrize(
    ("command", "options", "kind", "told"),
    [
        ("node charge.js", {}, TypeError, "command is 'node charge.js'; write it as a list"),
        ([], {}, ValueError, "command is empty"),
        (["node"], {"processes": 0}, ValueError, "processes is 0; give a number from 1 to 256"),
    ],
)
def test_a_command_that_is_none_is_refused(command, options, kind, told):
    with pytest.raises(kind, match=told):
        subprocess_handler(command, **options)


@pytest.mark.parametrize(
    ("function", "runs_in"), [(print, "subprocess"), (subprocess_handler(COMMAND), "thread")]
)
def test_only_programs_run_in_a_subprocess(function, runs_in):
    with pytest.raises(TypeError, match=r"cannot run in a .*made a handler with subprocess_handler"):
        Handlers().add(function, "work", runs_in)
