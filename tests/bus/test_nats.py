"""NATS: what goes wrong between machines, with real servers."""

import asyncio
import random
from contextlib import suppress

import pytest

from messenger.bus import (
    Disconnected,
    NoResponders,
    SlowConsumer,
    TooLarge,
    Unsupported,
    connect,
)
from messenger.bus.nats_server import NatsServer


def run(test):
    async def main():
        async with asyncio.timeout(40):
            await test()

    asyncio.run(main())


async def send(bus, count, subject="n"):
    for number in range(count):
        await bus.publish(subject, b"%d" % number)


@pytest.fixture
def server(nats_program):
    with NatsServer() as server:
        yield server


def test_a_flush_means_that_the_server_has_it(server):
    """nats-py's own flush overtakes what it has buffered."""

    async def test():
        async with connect(server.url) as bus, connect(server.url) as other:
            subscription = await other.subscribe("n")
            for _ in range(20):
                await send(bus, 100)
                await bus.flush()
                await other.flush()

                assert subscription.pending == 100
                await anext(aiter(subscription.batches()))

    run(test)


def test_a_subscription_takes_what_is_sent_once_it_is_there(server):
    async def test():
        async with connect(server.url) as bus, connect(server.url) as other:
            for number in range(200):
                await other.subscribe(f"echo.{number}", lambda message: message.data)

                assert (await bus.request(f"echo.{number}", b"!")).data == b"!"

    run(test)


@pytest.mark.parametrize(("headers", "what"), [({"a": "b\r\nc"}, "'a'"), ({"a b": "c"}, "'a b'")])
def test_headers_that_nats_would_change_are_refused(server, headers, what):
    async def test():
        async with connect(server.url) as bus:
            with pytest.raises(Unsupported, match=f"no header (called )?{what}"):
                await bus.publish("n", b"", headers=headers)

    run(test)


@pytest.mark.parametrize("headers", [None, {"trace": "7" * 20}])
def test_the_limit_of_the_server_is_told(nats_program, headers):
    """The server would close the connection, and nats-py never come back."""

    async def test():
        with NatsServer(settings={"max_payload": 1000}) as server:
            async with connect(server.url) as bus:
                subscription = await bus.subscribe("n")

                with pytest.raises(TooLarge, match=r"1000 bytes at most, .* this one has 10\d\d; send where"):
                    await bus.publish("n", bytes(1001 if headers is None else 980), headers=headers)

                await bus.publish("n", b"small", headers=headers)
                assert (await subscription.get(10)).data == b"small"

    run(test)


def test_garbage_from_others_does_not_disturb_the_bus(server):
    async def test():
        errors = []
        async with connect(server.url, on_error=errors.append) as bus:
            await bus.subscribe("echo", lambda message: message.data)
            chance = random.Random(7)
            for _ in range(30):
                reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
                start = chance.choice(
                    [b"", b"PUB echo 99999\r\n", b"MSG echo 1 5\r\n", b"SUB > x\r\n", b"CONNECT {"]
                )
                writer.write(start + chance.randbytes(chance.randrange(2000)) + b"\r\n")
                with suppress(OSError):  # the server was quicker
                    writer.write_eof()
                    await reader.read()
                writer.close()

                assert (await bus.request("echo", b"!")).data == b"!"
            assert not errors

    run(test)


def test_a_server_that_restarts_is_found_again(server, caplog):
    async def test():
        errors = []
        lost = asyncio.Event()

        def hear(error):
            errors.append(error)
            lost.set()

        options = {"on_error": hear, "reconnect_seconds": 0.05}
        async with connect(server.url, **options) as bus:
            subscription = await bus.subscribe("n")
            await bus.subscribe("echo", lambda message: message.data)
            await bus.publish("n", b"before")
            assert (await subscription.get(10)).data == b"before"

            await asyncio.to_thread(server.kill)
            await lost.wait()
            await bus.publish("n", b"meanwhile")
            flushing = asyncio.create_task(bus.flush())
            await asyncio.to_thread(server.start)
            await flushing

            assert (await subscription.get(10)).data == b"meanwhile"
            assert (await bus.request("echo", b"!")).data == b"!"
            assert [type(error) for error in errors] == [Disconnected]
            assert "lost the connection to nats://127.0.0.1" in str(errors[0])
            assert "connected to nats://127.0.0.1" in caplog.text

    run(test)


def test_what_waits_for_a_server_is_bounded(server):
    """Memory must not grow for as long as a server is away."""

    async def test():
        lost = asyncio.Event()
        options = {"on_error": lambda error: lost.set(), "buffer_bytes": 100_000, "reconnect_seconds": 0.05}
        async with connect(server.url, **options) as bus:
            subscription = await bus.subscribe("n")
            await asyncio.to_thread(server.kill)
            await lost.wait()

            for _ in range(90):
                await bus.publish("n", bytes(1000))
            with pytest.raises(Disconnected, match=r"9\d\d\d\d bytes wait for it, of 100000 at most"):
                await bus.publish("n", bytes(10_000))
            await asyncio.to_thread(server.start)

            for _ in range(90):
                assert len((await subscription.get(10)).data) == 1000

    run(test)


def test_a_connection_that_is_given_up_ends_its_subscriptions(server):
    async def test():
        errors = []
        options = {"on_error": errors.append, "reconnect_attempts": 1, "reconnect_seconds": 0.05}
        async with connect(server.url, **options) as bus:
            subscription = await bus.subscribe("n")
            waiting = asyncio.create_task(subscription.get())

            await asyncio.to_thread(server.kill)

            assert await waiting is None
            with pytest.raises(Disconnected, match="was given up"):
                await bus.publish("n", b"")
            with pytest.raises(Disconnected, match="was given up"):
                await bus.flush()
            await bus.close()
        assert "gave up the connection" in str(errors[-1])

    run(test)


def test_closing_without_a_server_says_that_what_was_published_has_not_left(server):
    async def test():
        lost = asyncio.Event()
        connecting = connect(server.url, on_error=lambda error: lost.set(), flush_timeout_seconds=0.2)
        bus = await connecting.__aenter__()
        await asyncio.to_thread(server.kill)
        await lost.wait()
        await bus.publish("n", b"1")

        with pytest.raises(Disconnected, match=r"did not answer within 0\.2 s; \d+ bytes wait to be sent"):
            await connecting.__aexit__(None, None, None)

    run(test)


def test_draining_under_load_loses_nothing(server):
    """What was sent to the one who leaves is dealt with, and the rest goes to who stays."""

    async def test():
        async with connect(server.url) as bus, connect(server.url) as leaver, connect(server.url) as stayer:
            left, stayed = [], []
            started = asyncio.Event()
            await stayer.subscribe("n", lambda message: stayed.append(message.data), queue_group="g")

            async def work(message):
                left.append(message.data)
                started.set()
                await asyncio.sleep(0)

            await leaver.subscribe("n", work, queue_group="g", limit=10)
            sending = asyncio.create_task(send_slowly(bus, 5000))
            await started.wait()
            await leaver.drain()
            await sending
            await stayer.drain()

            assert sorted(left + stayed) == sorted(b"%d" % number for number in range(5000))
            assert left

    run(test)


async def send_slowly(bus, count):
    for number in range(count):
        await bus.publish("n", b"%d" % number)
        if number % 10 == 0:
            await asyncio.sleep(0)
    await bus.flush()


@pytest.mark.parametrize(
    ("on_full", "kept"), [("block", None), ("drop_new", range(10)), ("drop_oldest", range(79_990, 80_000))]
)
def test_a_slow_consumer_has_a_limit_and_counts_what_is_lost(server, on_full, kept):
    async def test():
        errors = []
        async with connect(server.url, on_error=errors.append) as bus, connect(server.url) as other:
            subscription = await bus.subscribe("n", limit=10, on_full=on_full)

            await send(other, 80_000)
            await other.flush()
            await bus.flush()
            await subscription.drain()
            received = [int(message.data) async for message in subscription]

            assert len(received) + subscription.dropped == 80_000
            assert {type(error) for error in errors} == {SlowConsumer}
            if kept is None:
                assert 65_536 <= len(received) <= 65_536 + 12
            else:
                assert received == list(kept)

    run(test)


def test_nobody_answers_is_known_after_a_restart_too(server):
    async def test():
        lost = asyncio.Event()
        async with connect(server.url, on_error=lambda error: lost.set(), reconnect_seconds=0.05) as bus:
            await asyncio.to_thread(server.kill)
            await lost.wait()
            await asyncio.to_thread(server.start)
            await bus.flush()

            with pytest.raises(NoResponders):
                await bus.request("nobody", b"", 600)

    run(test)
