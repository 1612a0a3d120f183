"""Messages between threads, and from a thread to an event loop, beside what one would use without a bus."""

import asyncio
import ctypes
import os
import shutil
import subprocess
import threading
from itertools import count
from pathlib import Path
from queue import Queue

import janus
import pytest

from messenger.bus import connect

MESSAGES = 100_000
ROUND_TRIPS = 2_000
PAYLOAD = bytes(128)

# What stands beside the bus is not ours to slow down: comparing two commits leaves it out.
beside = pytest.mark.gate(skip=True)
# Two threads that wake each other take twice as long on two cores as on one, and the kernel chooses.
placed = pytest.mark.gate(skip=True)
to_thread = pytest.mark.benchmark(group=f"{MESSAGES:,} messages, thread to thread")
to_loop = pytest.mark.benchmark(group=f"{MESSAGES:,} messages, thread to event loop")
round_trip = pytest.mark.benchmark(group=f"{ROUND_TRIPS:,} round trips in a process")

_numbers = count()


def new_url():
    return f"inproc://bench-{next(_numbers)}"


def timed(benchmark, function):
    """A call is 20 to 400 ms of work in two threads: a few of them say as much as many."""
    return benchmark.pedantic(function, rounds=5, iterations=1, warmup_rounds=1)


def while_publishing(publish, read):
    """Let a thread publish, and read here; return what was read."""
    publisher = threading.Thread(target=publish)
    publisher.start()
    result = read()
    publisher.join()
    return result


@pytest.fixture(scope="module")
def cpp_queue(tmp_path_factory):
    """Pass messages through a queue in C++; returns the bytes that have come through."""
    if (compiler := shutil.which("g++") or shutil.which("c++")) is None:
        pytest.skip("no C++ compiler here")
    library = tmp_path_factory.mktemp("cpp") / "queue.so"
    source = Path(__file__).with_name("queue.cpp")
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-pthread", "-o", library, source], check=True)
    return getattr(ctypes.CDLL(str(library)), "pass")


@beside
@to_thread
def bench_queue_queue(benchmark):
    def run():
        queue = Queue()

        def publish():
            for _ in range(MESSAGES):
                queue.put(PAYLOAD)

        return while_publishing(publish, lambda: [len(queue.get()) for _ in range(MESSAGES)])

    assert sum(timed(benchmark, run)) == MESSAGES * len(PAYLOAD)


@beside
@to_thread
def bench_cpp_queue(benchmark, cpp_queue):
    moved = timed(benchmark, lambda: cpp_queue(ctypes.c_long(MESSAGES), ctypes.c_long(len(PAYLOAD))))

    assert moved == MESSAGES * len(PAYLOAD)


@to_thread
def bench_one_at_a_time(benchmark):
    def run():
        with connect(new_url()) as bus:
            subscription = bus.subscribe("orders.created")

            def publish():
                for _ in range(MESSAGES):
                    bus.publish("orders.created", PAYLOAD)

            return while_publishing(publish, lambda: count_messages(subscription))

    assert timed(benchmark, run) == MESSAGES


@to_thread
def bench_in_batches(benchmark):
    messages = [PAYLOAD] * 1000

    def run():
        with connect(new_url()) as bus:
            subscription = bus.subscribe("orders.created")

            def publish():
                for _ in range(MESSAGES // len(messages)):
                    bus.publish_many("orders.created", messages)

            return while_publishing(publish, lambda: count_batches(subscription))

    assert timed(benchmark, run) == MESSAGES


def count_messages(subscription):
    for number, _ in enumerate(subscription, 1):
        if number == MESSAGES:
            return number
    return 0


def count_batches(subscription):
    number = 0
    for batch in subscription.batches():
        number += len(batch)
        if number == MESSAGES:
            break
    return number


@beside
@to_loop
def bench_call_soon_threadsafe(benchmark):
    async def main():
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        numbers = count(1)

        def receive(_message):
            if next(numbers) == MESSAGES:
                done.set_result(MESSAGES)

        def publish():
            for _ in range(MESSAGES):
                loop.call_soon_threadsafe(receive, PAYLOAD)

        publisher = threading.Thread(target=publish)
        publisher.start()
        received = await done
        publisher.join()
        return received

    assert timed(benchmark, lambda: asyncio.run(main())) == MESSAGES


@beside
@to_loop
def bench_janus(benchmark):
    async def main():
        queue = janus.Queue()

        def publish():
            for _ in range(MESSAGES):
                queue.sync_q.put(PAYLOAD)

        publisher = threading.Thread(target=publish)
        publisher.start()
        for _ in range(MESSAGES):
            await queue.async_q.get()
        publisher.join()
        await queue.aclose()
        return MESSAGES

    assert timed(benchmark, lambda: asyncio.run(main())) == MESSAGES


@to_loop
def bench_bus_to_loop(benchmark):
    async def main():
        url = new_url()
        with connect(url) as bus:
            async with connect(url) as reader:
                subscription = await reader.subscribe("orders.created")

                def publish():
                    for _ in range(MESSAGES):
                        bus.publish("orders.created", PAYLOAD)

                publisher = threading.Thread(target=publish)
                publisher.start()
                received = 0
                async for _ in subscription:
                    received += 1
                    if received == MESSAGES:
                        break
                publisher.join()
        return received

    assert timed(benchmark, lambda: asyncio.run(main())) == MESSAGES


@beside
@round_trip
def bench_pipes_round_trip(benchmark):
    """Two threads and two pipes: the least that Python can do."""
    there, back = os.pipe(), os.pipe()

    def echo():
        while data := os.read(there[0], 4096):
            os.write(back[1], data)

    thread = threading.Thread(target=echo)
    thread.start()

    def run():
        for _ in range(ROUND_TRIPS):
            os.write(there[1], PAYLOAD)
            reply = os.read(back[0], 4096)
        return reply

    assert timed(benchmark, run) == PAYLOAD
    os.close(there[1])
    thread.join()
    for descriptor in (there[0], *back):
        os.close(descriptor)


@placed
@round_trip
def bench_request_between_threads(benchmark):
    with connect(new_url()) as bus:
        bus.subscribe("echo", lambda message: message.data)

        def run():
            for _ in range(ROUND_TRIPS):
                reply = bus.request("echo", PAYLOAD)
            return reply.data

        assert timed(benchmark, run) == PAYLOAD


@round_trip
def bench_request_on_a_loop(benchmark):
    with asyncio.Runner() as runner:

        async def open_bus():
            bus = await connect(new_url()).__aenter__()
            await bus.subscribe("echo", lambda message: message.data)
            return bus

        bus = runner.run(open_bus())

        async def main():
            for _ in range(ROUND_TRIPS):
                reply = await bus.request("echo", PAYLOAD)
            return reply.data

        assert timed(benchmark, lambda: runner.run(main())) == PAYLOAD
        runner.run(bus.close())
