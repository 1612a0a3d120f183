"""What comes of one attempt of a handler, on the loop and in threads."""

import asyncio
import subprocess
import sys
import threading
from functools import partial

import pytest

from messenger.workflow import Context, HandlerDied, LeaseLost, Runner, ThreadsHang, TimedOut
from messenger.workflow.attempts.deadlines import Deadlines

from .attempts import LONG_SECONDS, SOON_SECONDS, Tried, in_thread, on_a_loop, on_loop, opened

# Whatever a handler is, and wherever it runs, the contract is the same.
EVERYWHERE = pytest.mark.parametrize("kind", ["loop", "coroutine", "waiting", "thread"])


def handler_of_kind(kind, function):
    """Make a handler that does what *function* does."""

    async def coroutine(context):
        if kind == "waiting":
            await asyncio.sleep(0)
        return function(context)

    return {"loop": on_loop, "thread": in_thread}.get(kind, lambda _: on_loop(coroutine))(function)


@EVERYWHERE
@on_a_loop
async def test_a_handler_is_given_its_context_and_its_result_handed_on(kind):
    async with opened() as runner:
        tried = Tried(runner, handler_of_kind(kind, lambda context: context.input * 2), Context(input=21))

        assert await tried.outcome() == (42, None)


@EVERYWHERE
@on_a_loop
async def test_what_a_handler_raises_is_handed_on(kind):
    """As it is: how often to try again depends on it."""
    problem = ValueError("no such account")

    def fail(context):
        raise problem

    async with opened() as runner:
        assert await Tried(runner, handler_of_kind(kind, fail)).error() is problem


@EVERYWHERE
@pytest.mark.parametrize("ending", [SystemExit(3), asyncio.CancelledError(), GeneratorExit()], ids=repr)
@on_a_loop
async def test_a_handler_that_exits_does_not_end_the_worker(kind, ending):
    """It was a program once, and calls sys.exit() when its arguments are wrong."""

    def leave(context):
        raise ending

    async with opened() as runner:
        with pytest.raises(HandlerDied, match=r"handler 'work' raised .*which is to end a program"):
            await Tried(runner, handler_of_kind(kind, leave)).returned()


@EVERYWHERE
@on_a_loop
async def test_done_is_called_on_the_loops_thread(kind):
    """Whoever takes the result needs no locks."""
    async with opened() as runner:
        called = asyncio.get_running_loop().create_future()
        runner.run(
            handler_of_kind(kind, lambda context: None),
            Context(),
            LONG_SECONDS,
            lambda returned, error: called.set_result(threading.current_thread()),
        )

        assert await called is threading.main_thread()


@on_a_loop
async def test_a_plain_handler_on_the_loop_is_done_at_once():
    """What takes a microsecond does not wait for the loop to come round."""
    async with opened() as runner:
        assert Tried(runner, on_loop(lambda context: 7)).calls == [(7, None)]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.11 has no tasks that start eagerly")
@on_a_loop
async def test_a_coroutine_that_does_not_wait_is_done_at_once():
    async def work(context):
        return 7

    async with opened() as runner:
        assert Tried(runner, on_loop(work)).calls == [(7, None)]


@on_a_loop
async def test_a_coroutine_runs_in_a_task_of_its_own_from_the_start():
    """`asyncio.timeout` cancels the current task, and before the first await that would be the worker."""

    async def work(context):
        first = asyncio.current_task()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        return first

    async with opened() as runner:
        task = await Tried(runner, on_loop(work)).returned()

        assert task is not None
        assert task is not asyncio.current_task()


@on_a_loop
async def test_what_a_plain_function_gives_to_be_awaited_is_awaited():
    """A partial of a coroutine function does not look like one."""

    async def add(one, context):
        return one + context.input

    async with opened() as runner:
        handler = on_loop(partial(add, 1))

        assert await Tried(runner, handler, Context(input=2)).returned() == 3


@on_a_loop
async def test_a_coroutine_that_takes_too_long_is_cancelled():
    cancelled = asyncio.Event()

    async def work(context):
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with opened() as runner:
        tried = Tried(runner, on_loop(work), timeout_seconds=SOON_SECONDS)

        with pytest.raises(TimedOut, match=r"handler 'work' took longer than 0.05 s; let it do less"):
            await tried.returned()
        await cancelled.wait()
        assert len(tried.calls) == 1


@on_a_loop
async def test_a_coroutine_that_swallows_its_cancellation_holds_nobody_up():
    """`except BaseException` is written sooner than one would think."""
    release = asyncio.Event()
    swallowed = asyncio.Event()

    async def work(context):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed.set()
            await release.wait()
        return "too late"

    async with opened() as runner:
        tried = Tried(runner, on_loop(work), timeout_seconds=SOON_SECONDS)

        assert isinstance(await tried.error(), TimedOut)
        await swallowed.wait()
        release.set()
        while runner._tasks:
            await asyncio.sleep(0)
        assert len(tried.calls) == 1


@on_a_loop
async def test_an_attempt_that_is_in_time_is_not_timed_out_later():
    async with opened() as runner:
        tried = Tried(runner, on_loop(lambda context: asyncio.sleep(0)), timeout_seconds=SOON_SECONDS)
        await tried.outcome()

        late = Tried(
            runner, on_loop(lambda context: asyncio.Event().wait()), timeout_seconds=2 * SOON_SECONDS
        )
        await late.error()

        assert tried.calls == [(None, None)]


@on_a_loop
async def test_an_abandoned_coroutine_is_cancelled_and_nobody_told():
    cancelled = asyncio.Event()

    async def work(context):
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with opened() as runner:
        tried = Tried(runner, on_loop(work))
        await asyncio.sleep(0)
        tried.abandon()
        await cancelled.wait()
        tried.abandon()

        assert tried.calls == []
        assert len(runner) == 0


def started_and_held():
    """Make a function that hangs until it is let go, and two events: for it has begun, and to let it go."""
    began, release = threading.Event(), threading.Event()

    def hang(context):
        began.set()
        release.wait()
        return "too late"

    return hang, began, release


@on_a_loop
async def test_a_thread_that_hangs_is_replaced():
    """With one thread there would be nobody left to do the rest."""
    hang, _, release = started_and_held()

    async with opened(threads=1) as runner:
        hanging = Tried(runner, in_thread(hang), timeout_seconds=SOON_SECONDS)
        waiting = Tried(runner, in_thread(lambda context: 7))

        assert isinstance(await hanging.error(), TimedOut)
        assert await waiting.returned() == 7
        release.set()
        assert await Tried(runner, in_thread(lambda context: 8)).returned() == 8
        assert len(hanging.calls) == 1


@on_a_loop
async def test_a_spare_thread_is_spare_again_when_the_hanging_one_has_ended():
    """One thread is what was asked for; two at once are for an emergency."""
    hang, _, release = started_and_held()
    hang_again, _, release_again = started_and_held()

    async with opened(threads=1) as runner:
        await Tried(runner, in_thread(hang), timeout_seconds=SOON_SECONDS).error()
        release.set()
        while runner._thread_pool._busy:
            await asyncio.sleep(0)

        Tried(runner, in_thread(hang_again))
        waiting = Tried(runner, in_thread(lambda context: 7))
        assert len(runner._thread_pool._waiting) == 1
        release_again.set()

        assert await waiting.returned() == 7


@on_a_loop
async def test_threads_that_hang_are_not_replaced_for_ever():
    """They would fill the machine; what waits for one is told, and not held."""
    hang, _, release = started_and_held()

    async with opened(threads=1) as runner:
        for _ in range(2):
            assert isinstance(
                await Tried(runner, in_thread(hang), timeout_seconds=SOON_SECONDS).error(), TimedOut
            )

        with pytest.raises(ThreadsHang, match=r"2 threads are held by handlers.*restart the worker"):
            await Tried(runner, in_thread(lambda context: 7)).returned()
        assert await Tried(runner, on_loop(lambda context: 8)).returned() == 8

        release.set()
        outcome = None, ThreadsHang()
        while isinstance(outcome[1], ThreadsHang):
            outcome = await Tried(runner, in_thread(lambda context: 9)).outcome()
            await asyncio.sleep(0)
        assert outcome == (9, None)


@on_a_loop
async def test_the_time_of_an_attempt_begins_when_it_has_a_thread():
    """Else one that waits behind others would fail without having run."""
    hang, began, release = started_and_held()

    async with opened(threads=1) as runner:
        holding = Tried(runner, in_thread(hang))
        waiting = Tried(runner, in_thread(lambda context: 7), timeout_seconds=SOON_SECONDS)
        other = Tried(
            runner, on_loop(lambda context: asyncio.Event().wait()), timeout_seconds=2 * SOON_SECONDS
        )
        await other.error()
        assert waiting.calls == []
        release.set()

        assert await holding.returned() == "too late"
        assert await waiting.returned() == 7
        assert began.is_set()


@on_a_loop
async def test_a_thread_is_told_of_its_abandonment_by_a_heartbeat():
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    abandoned, began = threading.Event(), asyncio.Event()

    def work(context):
        context.heartbeat({"row": 1})
        loop.call_soon_threadsafe(began.set)
        abandoned.wait()
        try:
            context.heartbeat({"row": 2})
        except LeaseLost:
            loop.call_soon_threadsafe(told.set)
            raise

    sent = []
    async with opened() as runner:
        tried = Tried(runner, in_thread(work), Context(send_heartbeat=sent.append))
        await began.wait()
        tried.abandon()
        abandoned.set()
        await told.wait()

        assert sent == [b'{"row":1}']
        assert tried.calls == []


@on_a_loop
async def test_what_waits_for_a_thread_can_be_abandoned():
    """It never starts."""
    hang, _, release = started_and_held()
    ran = []

    async with opened(threads=1) as runner:
        Tried(runner, in_thread(hang))
        Tried(runner, in_thread(ran.append)).abandon()
        release.set()
        await Tried(runner, in_thread(lambda context: None)).outcome()

        assert ran == []


@on_a_loop
async def test_many_threads_hand_on_all_their_results():
    """They wake the loop once for all that have ended meanwhile, and none may be forgotten."""
    async with opened(threads=8) as runner:
        attempts = [
            Tried(runner, in_thread(lambda context: context.input), Context(input=number))
            for number in range(2000)
        ]

        assert [await tried.returned() for tried in attempts] == [*range(2000)]


@on_a_loop
async def test_closing_waits_for_what_ends_in_time():
    gate = asyncio.Event()
    runner = Runner()
    tried = Tried(runner, on_loop(lambda context: gate.wait()))

    closing = asyncio.ensure_future(runner.close(drain_seconds=LONG_SECONDS))
    await asyncio.sleep(0)
    gate.set()

    assert await closing == 0
    assert tried.calls == [(True, None)]


@on_a_loop
async def test_closing_abandons_what_does_not():
    runner = Runner()
    tried = Tried(runner, on_loop(lambda context: asyncio.Event().wait()))

    assert await runner.close(drain_seconds=SOON_SECONDS) == 1
    assert tried.calls == []
    with pytest.raises(RuntimeError, match="closed; make another"):
        Tried(runner, on_loop(lambda context: None))


HANG_AND_END = """
import asyncio, threading
from messenger.workflow import Context, Runner
from messenger.workflow.handlers import handler_of

async def main():
    began = asyncio.Event()
    loop = asyncio.get_running_loop()
    def hang(context):
        loop.call_soon_threadsafe(began.set)
        threading.Event().wait()
    runner = Runner(threads=1)
    runner.run(handler_of(hang), Context(), 60, print)
    await began.wait()
    print(await runner.close())

asyncio.run(main())
"""


def test_a_thread_that_hangs_does_not_keep_the_worker_from_ending():
    run = subprocess.run([sys.executable, "-c", HANG_AND_END], capture_output=True, text=True, timeout=60)

    assert (run.stdout, run.stderr, run.returncode) == ("1\n", "", 0)


@pytest.mark.parametrize("options", [{"threads": 0}, {"threads": 1001}, {"processes": 0}, {"processes": 257}])
def test_impossible_numbers_are_refused(options):
    with pytest.raises(ValueError, match="give a number from 1 to"):
        Runner(**options)


@on_a_loop
async def test_deadlines_come_in_their_order():
    """One timer serves them all, whichever was set first."""
    deadlines = Deadlines(asyncio.get_running_loop())
    came, last = [], asyncio.Event()

    deadlines.add(0.03, last.set)
    for name, seconds in (("b", 0.02), ("a", 0.01), ("c", 0.025)):
        deadlines.add(seconds, partial(came.append, name))
    deadlines.drop(deadlines.add(0.015, partial(came.append, "dropped")))
    await last.wait()

    assert came == ["a", "b", "c"]
    assert len(deadlines) == 0


@on_a_loop
async def test_dropped_deadlines_are_not_kept():
    """A step may have an hour, and be done 20,000 times a second."""
    deadlines = Deadlines(asyncio.get_running_loop())
    kept = deadlines.add(3600, print)

    for _ in range(10_000):
        deadlines.drop(deadlines.add(3600, print))

    assert len(deadlines) == 1
    assert len(deadlines._heap) < 500
    deadlines.drop(kept)
    deadlines.close()
