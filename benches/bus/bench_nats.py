"""NATS: the bus beside nats-py doing the same, through one server."""

import asyncio

import nats
import pytest

from messenger.bus import connect
from messenger.bus.nats_server import NatsServer, ServerFailed, find_program

MESSAGES = 10_000
ROUND_TRIPS = 500
SUBJECT = "orders.created"
PAYLOAD = bytes(128)

# What stands beside the bus is not ours to slow down: comparing two commits leaves it out.
beside = pytest.mark.gate(skip=True)
# Where the kernel puts those who wake each other makes a tenth of a difference, between runs of the same
# code.
waking = pytest.mark.gate(min_effect="25%")


@pytest.fixture(scope="module")
def url():
    try:
        find_program()
    except ServerFailed as error:
        pytest.skip(str(error))
    with NatsServer() as server:
        yield server.url


@pytest.fixture
def runner():
    with asyncio.Runner() as runner:
        yield runner


def timed(benchmark, function):
    return benchmark.pedantic(function, rounds=10, iterations=1, warmup_rounds=2)


publishing = pytest.mark.benchmark(group=f"publish {MESSAGES:,} messages over NATS, and flush")
receiving = pytest.mark.benchmark(group=f"publish and receive {MESSAGES:,} messages over NATS")
requesting = pytest.mark.benchmark(group=f"{ROUND_TRIPS} round trips over NATS")


@beside
@publishing
def bench_raw_publish(benchmark, url, runner):
    client = runner.run(nats.connect(url))

    async def main():
        for _ in range(MESSAGES):
            await client.publish(SUBJECT, PAYLOAD)
        await client.flush()
        return client.stats["out_msgs"]

    assert timed(benchmark, lambda: runner.run(main())) % MESSAGES == 0
    runner.run(client.close())


@publishing
def bench_publish(benchmark, url, runner):
    bus = runner.run(connect(url).__aenter__())

    async def main():
        for _ in range(MESSAGES):
            await bus.publish(SUBJECT, PAYLOAD)
        await bus.flush()

    timed(benchmark, lambda: runner.run(main()))
    runner.run(bus.close())


@beside
@receiving
def bench_raw_receive(benchmark, url, runner):
    client = runner.run(nats.connect(url))
    subscription = runner.run(client.subscribe(SUBJECT))

    async def main():
        for _ in range(MESSAGES):
            await client.publish(SUBJECT, PAYLOAD)
        received = 0
        async for message in subscription.messages:
            received += len(message.data)
            if received == MESSAGES * len(PAYLOAD):
                break
        return received

    assert timed(benchmark, lambda: runner.run(main())) == MESSAGES * len(PAYLOAD)
    runner.run(client.close())


@receiving
def bench_receive(benchmark, url, runner):
    bus = runner.run(connect(url).__aenter__())
    subscription = runner.run(bus.subscribe(SUBJECT))

    async def main():
        for _ in range(MESSAGES):
            await bus.publish(SUBJECT, PAYLOAD)
        received = 0
        async for message in subscription:
            received += len(message.data)
            if received == MESSAGES * len(PAYLOAD):
                break
        return received

    assert timed(benchmark, lambda: runner.run(main())) == MESSAGES * len(PAYLOAD)
    assert subscription.dropped == 0
    runner.run(bus.close())


@beside
@requesting
def bench_raw_request(benchmark, url, runner):
    client = runner.run(nats.connect(url))

    async def answer(message):
        await message.respond(message.data)

    runner.run(client.subscribe("echo", cb=answer))

    async def main():
        for _ in range(ROUND_TRIPS):
            reply = await client.request("echo", PAYLOAD, 2)
        return reply.data

    assert timed(benchmark, lambda: runner.run(main())) == PAYLOAD
    runner.run(client.close())


@waking
@requesting
def bench_request(benchmark, url, runner):
    bus = runner.run(connect(url).__aenter__())
    runner.run(bus.subscribe("echo", lambda message: message.data))

    async def main():
        for _ in range(ROUND_TRIPS):
            reply = await bus.request("echo", PAYLOAD)
        return reply.data

    assert timed(benchmark, lambda: runner.run(main())) == PAYLOAD
    runner.run(bus.close())
