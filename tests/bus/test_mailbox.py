"""What waits between threads and loops: nothing is lost, nothing comes twice, nobody sleeps for ever."""

import asyncio
import os
import threading

import pytest

from messenger.bus.mailbox import Mailbox, Reader
from messenger.bus.waking import sleep, wake_all

COUNT = 5_000


def new_box(limit=100):
    return Mailbox("box", limit, "block", on_slow=lambda error: None)


def write(box, writer):
    for number in range(COUNT):
        while not box.put((writer, number)):
            box.wait_for_room()


async def write_in_loop(box, writer):
    for number in range(COUNT):
        while not box.put((writer, number)):
            await box.await_room()


def read(reader, taken):
    while reader.wait() or not reader.over:
        taken += reader.take_all()


async def read_in_loop(reader, taken):
    while await reader.wait_async() or not reader.over:
        taken += reader.take_all()


def in_thread(function, *arguments):
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread


def in_loop(function, *arguments):
    return in_thread(lambda: asyncio.run(function(*arguments)))


@pytest.mark.parametrize("limit", [1, 7, 1000])
@pytest.mark.parametrize("readers", [("thread",), ("loop",), ("thread", "loop", "thread", "loop")])
@pytest.mark.parametrize("writers", [("thread",), ("loop",), ("thread", "thread", "loop")])
def test_every_item_comes_once_and_in_the_order_of_its_writer(writers, readers, limit):
    """A lost wake is a reader that sleeps for ever; with a limit of 1 everybody waits for everybody."""
    box = new_box(limit)
    shares = [[] for _ in readers]
    reading = [
        in_thread(read, Reader(box), taken) if kind == "thread" else in_loop(read_in_loop, Reader(box), taken)
        for kind, taken in zip(readers, shares, strict=True)
    ]
    writing = [
        in_thread(write, box, number) if kind == "thread" else in_loop(write_in_loop, box, number)
        for number, kind in enumerate(writers)
    ]

    for thread in writing:
        thread.join(60)
        assert not thread.is_alive(), "a writer sleeps for ever"
    box.wait_until_empty(60)
    box.end()
    for thread in reading:
        thread.join(60)
        assert not thread.is_alive(), "a reader sleeps for ever"

    assert sorted(item for taken in shares for item in taken) == [
        (writer, number) for writer in range(len(writers)) for number in range(COUNT)
    ]
    for taken in shares:
        for writer in range(len(writers)):
            own = [number for who, number in taken if who == writer]
            assert own == sorted(own)


def test_who_gives_up_waiting_passes_a_wake_on():
    """It may have been woken for an item that somebody else now has to take."""
    box = new_box()
    first, second = Reader(box), Reader(box)
    got = []
    waiting = in_thread(lambda: got.append(first.wait(60)))
    while not box.sleepers:
        pass
    impatient = in_thread(lambda: second.wait(0.001))
    impatient.join(10)

    box.put("item")
    waiting.join(10)

    assert got == [True]


def test_a_coroutine_that_is_cancelled_passes_its_wake_on():
    async def main():
        box = new_box()
        first, second = Reader(box), Reader(box)
        patient = asyncio.create_task(first.wait_async())
        await asyncio.sleep(0)
        cancelled = asyncio.create_task(second.wait_async())
        await asyncio.sleep(0)

        box.put("item")  # wakes the second, which came last
        cancelled.cancel()

        async with asyncio.timeout(10):
            assert await patient is True

    asyncio.run(main())


def test_a_timeout_that_is_over_at_once_is_no_wait():
    sleepers = []

    sleep(sleepers, lambda: False, 0)

    assert sleepers == []


def test_whoever_slept_in_a_thread_that_has_ended_leaves_no_descriptor_behind():
    """A pipe belongs to its thread, and a server has many of those in its life."""

    def once():
        sleepers = []
        in_thread(lambda: wake_all(sleepers)).join()
        sleep(sleepers, lambda: False, 0.001)

    in_thread(once).join()
    before = len(os.listdir("/proc/self/fd"))

    for _ in range(50):
        in_thread(once).join()

    assert len(os.listdir("/proc/self/fd")) <= before
