"""ZeroMQ: the bus beside pyzmq doing the same, between two processes."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
import zmq
import zmq.asyncio

from messenger.bus import connect

SUBJECT = "orders.created"
PAYLOAD = bytes(128)

MESSAGES = 20_000
ROUND_TRIPS = 500

# What stands beside the bus is not ours to slow down: comparing two commits leaves it out.
beside = pytest.mark.gate(skip=True)
# Where the kernel puts those who wake each other makes a tenth of a difference, between runs of the same
# code.
waking = pytest.mark.gate(min_effect="25%")


@pytest.fixture(params=["ipc", "tcp"])
def peer(request, tmp_path):
    """Start a role of peers.py; returns its URLs."""
    processes = []

    def start(role, urls=1):
        if request.param == "ipc":
            addresses = [f"ipc://{tmp_path}/{number}" for number in range(urls)]
        else:
            addresses = [f"tcp://127.0.0.1:{free_port()}" for _ in range(urls)]
        process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("peers.py"), role, *addresses],
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout.readline() == "ready\n"
        return addresses

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def free_port():
    with zmq.Context() as context, context.socket(zmq.PAIR) as socket:
        return socket.bind_to_random_port("tcp://127.0.0.1")


def timed(benchmark, function):
    return benchmark.pedantic(function, rounds=10, iterations=1, warmup_rounds=1)


@pytest.fixture
def transport(request):
    return request.node.callspec.params["peer"]


@beside
def bench_raw_round_trip(benchmark, peer, transport):
    benchmark.group = f"{ROUND_TRIPS} round trips, {transport}"
    [url] = peer("raw_echo")
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.connect(url)

        def run():
            for _ in range(ROUND_TRIPS):
                dealer.send(PAYLOAD)
                reply = dealer.recv()
            return reply

        assert timed(benchmark, run) == PAYLOAD


@beside
def bench_raw_asyncio_round_trip(benchmark, peer, transport):
    benchmark.group = f"{ROUND_TRIPS} round trips, {transport}"
    [url] = peer("raw_asyncio_echo")
    with asyncio.Runner() as runner, zmq.asyncio.Context() as context:

        async def open_socket():
            return context.socket(zmq.DEALER)

        dealer = runner.run(open_socket())
        dealer.connect(url)

        async def main():
            for _ in range(ROUND_TRIPS):
                await dealer.send(PAYLOAD)
                reply = await dealer.recv()
            return reply

        assert timed(benchmark, lambda: runner.run(main())) == PAYLOAD
        dealer.close(0)


@waking
def bench_round_trip(benchmark, peer, transport):
    benchmark.group = f"{ROUND_TRIPS} round trips, {transport}"
    [url] = peer("bus_echo")
    with asyncio.Runner() as runner:
        bus = runner.run(opened(url))

        async def main():
            for _ in range(ROUND_TRIPS):
                reply = await bus.request("echo", PAYLOAD)
            return reply.data

        assert timed(benchmark, lambda: runner.run(main())) == PAYLOAD
        runner.run(bus.close())


@beside
def bench_raw_messages(benchmark, peer, transport):
    benchmark.group = f"{MESSAGES:,} messages, {transport}"
    url, go_url = peer("raw_publish", urls=2)
    with zmq.Context() as context, context.socket(zmq.SUB) as subscriber, context.socket(zmq.REQ) as go:
        subscriber.setsockopt(zmq.RCVHWM, 0)
        subscriber.connect(url)
        subscriber.subscribe(SUBJECT)
        go.connect(go_url)
        while not subscriber.poll(100):  # until the publisher has heard of the subscription
            go.send(b"1")
            go.recv()
        while subscriber.poll(100):
            subscriber.recv_multipart()

        def run():
            go.send(b"%d" % MESSAGES)
            go.recv()
            return sum(len(subscriber.recv_multipart()[1]) for _ in range(MESSAGES))

        assert timed(benchmark, run) == MESSAGES * len(PAYLOAD)


@waking
def bench_messages(benchmark, peer, transport):
    benchmark.group = f"{MESSAGES:,} messages, {transport}"
    [url] = peer("bus_publish")
    with asyncio.Runner() as runner:
        bus = runner.run(opened(url))
        subscription = runner.run(bus.subscribe(SUBJECT))

        async def main():
            await bus.request("go", b"%d" % MESSAGES)
            received = 0
            async for message in subscription:
                received += len(message.data)
                if received == MESSAGES * len(PAYLOAD):
                    break
            return received

        assert timed(benchmark, lambda: runner.run(main())) == MESSAGES * len(PAYLOAD)
        assert subscription.dropped == 0
        runner.run(bus.close())


async def opened(url):
    return await connect(f"zmq+{url}").__aenter__()
