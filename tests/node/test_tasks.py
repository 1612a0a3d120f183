"""Handlers that wait, and those that might have."""

import asyncio
import contextlib
import contextvars
import threading

import pytest

from messenger.node import Node

from .driver import INIT, ask_waiting, request


def node_with(handler):
    """A node whose messages of type `ask` go to *handler*, a coroutine function of the body."""
    node = Node()
    node.on("ask")(handler)
    return node


def first_answer(handler):
    return ask_waiting(node_with(handler), INIT, request("ask"))[1]


async def nothing():
    return 1


async def sleep_zero():
    await asyncio.sleep(0)
    return 1


async def sleep():
    await asyncio.sleep(0.001)
    return 1


async def event():
    event = asyncio.Event()
    asyncio.get_running_loop().call_soon(event.set)
    await event.wait()
    return 1


async def future():
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, 1)
    return await future


async def future_that_fails():
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_exception, KeyError())
    try:
        return await future
    except KeyError:
        return 1


async def timeout_in_time():
    async with asyncio.timeout(10):
        await asyncio.sleep(0)
        return 1


async def timeout_without_waiting():
    async with asyncio.timeout(0):
        return 1


async def timeout_too_late():
    try:
        async with asyncio.timeout(0.001):
            await asyncio.Event().wait()
    except TimeoutError:
        return 1


async def timeout_too_late_at_once():
    try:
        async with asyncio.timeout(0):
            await asyncio.Event().wait()
    except TimeoutError:
        return 1


async def timeout_after_a_wait():
    await asyncio.sleep(0)
    return await timeout_too_late()


async def timeout_within_timeout():
    async with asyncio.timeout(10):
        return await timeout_too_late_at_once()


async def wait_for_in_time():
    return await asyncio.wait_for(sleep_zero(), 10)


async def wait_for_too_late():
    try:
        await asyncio.wait_for(asyncio.Event().wait(), 0.001)
    except TimeoutError:
        return 1


async def gather():
    return max(await asyncio.gather(sleep_zero(), sleep(), nothing()))


async def task_group():
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(sleep_zero()), group.create_task(sleep())]
    return tasks[0].result()


async def task_group_that_fails():
    async def fail():
        raise KeyError

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.Event().wait())
            group.create_task(fail())
    except* KeyError:
        pass
    return 1


async def task_group_whose_body_waits():
    async def fail():
        raise KeyError

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            await asyncio.Event().wait()
    except* KeyError:
        pass
    return 1


async def task_of_its_own():
    return await asyncio.create_task(sleep_zero())


async def cancelled_task_of_its_own():
    task = asyncio.create_task(sleep())
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return 1


async def shield():
    return await asyncio.shield(sleep())


async def to_thread():
    return await asyncio.to_thread(lambda: 1)


async def lock():
    lock = asyncio.Lock()
    async with lock:
        waiting = asyncio.create_task(lock.acquire())
        await asyncio.sleep(0)
    await waiting
    return 1


async def queue():
    queue = asyncio.Queue()
    await queue.put(1)
    return await queue.get()


async def generator():
    async def count():
        for number in (0, 1):
            await asyncio.sleep(0)
            yield number

    return [number async for number in count()][-1]


async def exit_stack():
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(asyncio.timeout(10))
        await asyncio.sleep(0)
        return 1


async def subprocess():
    process = await asyncio.create_subprocess_exec("true")
    return 1 + await process.wait()


async def cancels_itself():
    await asyncio.sleep(0)
    asyncio.current_task().cancel()
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        asyncio.current_task().uncancel()
        return 1


WAITS = [
    nothing,
    sleep_zero,
    sleep,
    event,
    future,
    future_that_fails,
    timeout_in_time,
    timeout_without_waiting,
    timeout_too_late,
    timeout_too_late_at_once,
    timeout_after_a_wait,
    timeout_within_timeout,
    wait_for_in_time,
    wait_for_too_late,
    gather,
    task_group,
    task_group_that_fails,
    task_group_whose_body_waits,
    task_of_its_own,
    cancelled_task_of_its_own,
    shield,
    to_thread,
    lock,
    queue,
    generator,
    exit_stack,
    subprocess,
    cancels_itself,
]


@pytest.mark.parametrize("wait", WAITS, ids=lambda wait: wait.__name__)
def test_whatever_asyncio_has_can_be_waited_for(wait):
    """The first step runs outside any task; no handler should be able to tell."""

    async def handler(body):
        return {"type": "ask_ok", "value": await wait()}

    answer = first_answer(handler)

    assert answer == {"type": "ask_ok", "value": 1, "in_reply_to": 2, "msg_id": 1}


def test_handlers_that_do_not_wait_keep_the_order_of_sync_ones():
    """`async def` alone is no reason to answer later."""
    node = node_with(lambda body: {"type": "ok", "value": body["value"]})

    async def might_wait(body):
        return {"type": "ok", "value": body["value"]}

    node.on(might_wait)

    lines = [request("might_wait" if n % 2 else "ask", n, value=n) for n in range(10)]
    answers = ask_waiting(node, INIT, *lines)[1:]

    assert [(answer["value"], answer["msg_id"]) for answer in answers] == [(n, n + 1) for n in range(10)]


def test_one_that_waits_holds_up_nobody():
    """Later requests overtake it."""

    async def handler(body):
        for _ in range(body["turns"]):
            await asyncio.sleep(0)
        return {"type": "ok"}

    answers = ask_waiting(
        node_with(handler), INIT, *(request("ask", n, turns=turns) for n, turns in ((2, 9), (3, 3), (4, 0)))
    )[1:]

    assert [(answer["in_reply_to"], answer["msg_id"]) for answer in answers] == [(4, 1), (3, 2), (2, 3)]


def test_context_variables_are_each_requests_own():
    """Request ids for logging live there; the next request must not see them."""
    variable = contextvars.ContextVar("variable", default="unset")

    async def handler(body):
        before = variable.get()
        variable.set(body["value"])
        await asyncio.sleep(0)
        return {"type": "ok", "seen": [before, variable.get()]}

    answers = ask_waiting(
        node_with(handler), INIT, request("ask", 2, value="a"), request("ask", 3, value="b")
    )

    assert [answer["seen"] for answer in answers[1:]] == [["unset", "a"], ["unset", "b"]]


def test_a_context_variable_may_be_reset_after_a_wait():
    """A token is good only in the context that made it: both steps share one."""
    variable = contextvars.ContextVar("variable")

    async def handler(body):
        token = variable.set(1)
        await asyncio.sleep(0)
        variable.reset(token)
        return {"type": "ok"}

    assert first_answer(handler)["type"] == "ok"


@pytest.mark.parametrize("waits", [0, 1])
def test_there_is_a_current_task(waits):
    """Libraries ask for it before they wait."""

    async def handler(body):
        for _ in range(waits):
            await asyncio.sleep(0)
        return {"type": "ok", "value": asyncio.current_task() is not None}

    assert first_answer(handler)["value"] is True


def test_the_first_step_hides_the_task_that_feeds_the_node():
    """A handler that cancels its current task must not cancel the caller's."""
    seen = []

    async def handler(body):
        seen.append(asyncio.current_task())
        return {"type": "ok"}

    async def feed():
        node.receive(INIT + request("ask"))
        return asyncio.current_task()

    node = node_with(handler)
    outer = asyncio.run(feed())

    assert seen
    assert seen[0] is not outer


def test_the_feeding_task_is_current_again_afterwards():
    """Whatever the handler did in its first step."""

    async def handler(body):
        raise ValueError

    async def feed():
        before = asyncio.current_task()
        node.receive(INIT + request("ask"))
        return asyncio.current_task() is before

    node = node_with(handler)

    assert asyncio.run(feed())


@pytest.mark.parametrize("waits", [0, 1, 2])
@pytest.mark.parametrize(
    "error", [ValueError("bad"), asyncio.CancelledError(), GeneratorExit(), StopAsyncIteration()], ids=repr
)
def test_a_handler_that_raises_is_a_crash_before_and_after_waits(error, waits):
    """The same answer wherever it happens; a CancelledError is no Exception and counts as well."""

    async def handler(body):
        for _ in range(waits):
            await asyncio.sleep(0)
        raise error

    answer = first_answer(handler)

    assert (answer["code"], answer["in_reply_to"]) == (13, 2)
    assert type(error).__name__ in answer["text"]


def test_awaiting_what_was_cancelled_is_a_crash():
    """A cancelled future raises without a wait."""

    async def handler(body):
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    assert first_answer(handler)["code"] == 13


@pytest.mark.parametrize("waits", [0, 1])
@pytest.mark.parametrize("nonsense", [5, "text", [], {"type": 1}], ids=repr)
def test_an_answer_that_is_no_body_is_an_error_after_a_wait_as_well(nonsense, waits):
    """The rules for answers do not depend on when they come."""

    async def handler(body):
        for _ in range(waits):
            await asyncio.sleep(0)
        return nonsense

    answer = first_answer(handler)

    assert answer["code"] == 13
    assert "a handler returned" in answer["text"]


def test_awaiting_nonsense_is_a_crash():
    """Only the event loop can say that this is no awaitable of its own."""

    class Odd:
        def __await__(self):
            yield 5

    async def handler(body):
        await Odd()

    assert first_answer(handler)["code"] == 13


def test_cleaning_up_happens_when_a_wait_is_cut_short():
    """`finally` may hold the only line that releases a lock."""
    released = []

    async def handler(body):
        try:
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        finally:
            released.append(True)

    answer = first_answer(handler)

    assert (released, answer["text"]) == ([True], "TimeoutError")


def test_a_handler_may_register_to_run_after_the_flush_and_wait():
    """`after_flush` and `async` do not exclude each other."""
    node = Node()

    @node.on(after_flush=True)
    async def ask(body):
        await asyncio.sleep(0)
        return {"type": "ask_ok"}

    answers = ask_waiting(node, INIT, request("ask"), request("unknown", 3))

    assert [answer["in_reply_to"] for answer in answers] == [1, 3, 2]


def test_a_thousand_waits_are_all_answered_once():
    """Each request gets one reply, each reply its own id."""
    gate = threading.Event()

    async def handler(body):
        if body["msg_id"] == 1001:
            gate.set()
        await asyncio.to_thread(gate.wait, 10) if body["msg_id"] % 100 == 0 else await asyncio.sleep(0)
        return {"type": "ok"}

    answers = ask_waiting(node_with(handler), INIT, *(request("ask", n) for n in range(2, 1002)))

    assert sorted(answer["in_reply_to"] for answer in answers) == list(range(1, 1002))
    assert [answer["msg_id"] for answer in answers] == list(range(1001))
