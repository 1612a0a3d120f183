"""Durable subscriptions: what a stream has acknowledged is not lost, whoever dies."""

import asyncio
import itertools
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from queue import Queue

import msgspec
import pytest

from messenger.bus import Durable, RequestTimeout, Unsupported, connect, delivery_of
from messenger.bus.nats_server import NatsServer
from messenger.bus.subject import BadSubject

SUBSCRIBER = Path(__file__).with_name("subscriber.py")
QUICK = Durable(name="work", ack_wait_seconds=0.3, deliveries_most=2)


class Order(msgspec.Struct):
    number: int


@pytest.fixture
def durable_test(nats_program):
    """Run an async test with a server of its own, and streams for orders and for dead letters."""

    def run(test):
        async def main():
            with NatsServer(jetstream=True) as server:
                errors = []
                async with asyncio.timeout(40), connect(server.url, on_error=errors.append) as bus:
                    await bus.add_stream("ORDERS", ["orders.>"])
                    await bus.add_stream("DEAD", ["dead.>"])
                    await test(server, bus, errors)

        asyncio.run(main())

    return run


async def publish(bus, count):
    return [await bus.publish_durable("orders.new", b"%d" % number) for number in range(count)]


async def take(bus, subscription, count):
    """Take *count* messages and acknowledge them."""
    taken = []
    for _ in range(count):
        message = await subscription.get(10)
        await bus.ack(message)
        taken.append(message.data)
    return taken


@asynccontextmanager
async def subscriber(url):
    process = await asyncio.create_subprocess_exec(
        sys.executable, SUBSCRIBER, url, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def test_a_stream_numbers_what_it_keeps_and_an_id_is_kept_once(durable_test):
    async def test(server, bus, errors):
        first = await bus.publish_durable("orders.new", b"a", id="7", headers={"trace": "x"})
        again = await bus.publish_durable("orders.new", b"a", id="7")
        other = await bus.publish_durable("orders.new", b"b", id="8")

        assert (first, again, other) == (1, 1, 2)
        subscription = await bus.subscribe("orders.>", durable="work")
        message = await subscription.get(10)
        assert (message.data, message.headers) == (b"a", {"trace": "x", "Nats-Msg-Id": "7"})
        assert (await subscription.get(10)).data == b"b"

    durable_test(test)


def test_what_no_stream_keeps_is_refused(durable_test):
    async def test(server, bus, errors):
        with pytest.raises(Unsupported, match=r"no stream keeps 'bills\.new'; make one"):
            await bus.publish_durable("bills.new", b"")
        with pytest.raises(Unsupported, match=r"no stream keeps 'bills\.>'; make one"):
            await bus.subscribe("bills.>", durable="work")

    durable_test(test)


def test_a_server_without_jetstream_says_so(nats_program):
    async def main():
        with NatsServer() as server:
            async with connect(server.url) as bus:
                with pytest.raises(Unsupported, match="keeps no messages; start it with JetStream"):
                    await bus.add_stream("ORDERS", ["orders.>"])

    asyncio.run(main())


def test_a_stream_is_made_once_and_checked_after(durable_test):
    async def test(server, bus, errors):
        await bus.add_stream("ORDERS", ["orders.>"])

        with pytest.raises(
            Unsupported, match=r"'ORDERS' exists, with max_bytes=-1 and not 1000; use another"
        ):
            await bus.add_stream("ORDERS", ["orders.>"], max_bytes=1000)
        with pytest.raises(BadSubject, match="no name for a stream"):
            await bus.add_stream("a.b", ["b"])

    durable_test(test)


def test_a_full_stream_refuses(durable_test):
    """To drop what was stored, and perhaps never read, has to be asked for."""

    async def test(server, bus, errors):
        await bus.add_stream("SMALL", ["small.>"], max_messages=2)
        await bus.add_stream("RING", ["ring.>"], max_messages=2, drop_oldest=True)

        for stream in ("small.x", "ring.x"):
            for _ in range(2):
                await bus.publish_durable(stream, b"")

        with pytest.raises(Unsupported, match="has refused a message: maximum messages exceeded"):
            await bus.publish_durable("small.x", b"")
        assert await bus.publish_durable("ring.x", b"") == 3

    durable_test(test)


def test_a_durable_name_goes_on_where_it_stopped(durable_test):
    async def test(server, bus, errors):
        await publish(bus, 10)

        first = await bus.subscribe("orders.>", durable="work")
        before = await take(bus, first, 4)
        await first.close()
        second = await bus.subscribe("orders.>", durable="work")

        assert before == [b"0", b"1", b"2", b"3"]
        assert sorted(await take(bus, second, 6)) == [b"4", b"5", b"6", b"7", b"8", b"9"]

    durable_test(test)


def test_what_is_not_acknowledged_comes_again(durable_test):
    async def test(server, bus, errors):
        await publish(bus, 1)
        subscription = await bus.subscribe("orders.>", durable=QUICK)

        first, second = [await subscription.get(10) for _ in range(2)]

        assert first.data == second.data
        assert [delivery_of(message).deliveries for message in (first, second)] == [1, 2]
        assert delivery_of(second).stream == "ORDERS"
        assert delivery_of(second).sequence == 1

    durable_test(test)


def test_what_waits_to_be_read_does_not_come_again(durable_test):
    """A slow reader is no dead one: its messages must not wander to the dead letters unread."""

    async def test(server, bus, errors):
        await publish(bus, 3)
        subscription = await bus.subscribe("orders.>", durable=QUICK)

        await asyncio.sleep(4 * QUICK.ack_wait_seconds)

        messages = [await subscription.get(10) for _ in range(3)]
        assert [delivery_of(message).deliveries for message in messages] == [1, 1, 1]
        assert not errors

    durable_test(test)


def test_nak_lets_it_come_again_at_once(durable_test):
    async def test(server, bus, errors):
        await publish(bus, 1)
        subscription = await bus.subscribe("orders.>", durable="work")

        await bus.nak(await subscription.get(10))

        assert delivery_of(await subscription.get(10)).deliveries == 2

    durable_test(test)


def test_a_message_without_a_stream_cannot_be_acknowledged(durable_test):
    async def test(server, bus, errors):
        subscription = await bus.subscribe("plain")
        await bus.publish("plain", b"")

        with pytest.raises(Unsupported, match="was delivered by no stream"):
            await bus.ack(await subscription.get(10))

    durable_test(test)


def test_a_handler_acknowledges_by_returning_and_what_it_refuses_becomes_a_dead_letter(durable_test):
    async def test(server, bus, errors):
        dead = await bus.subscribe("dead.>", durable="undertaker")
        handled = []

        def handle(message):
            handled.append(message.data)
            if message.data == b"bad":
                raise ValueError("no such\r\ncustomer")
            return b"what is returned is nobody's reply"

        await bus.subscribe("orders.>", handle, durable=QUICK)
        await bus.publish_durable("orders.new", b"bad", id="1", headers={"trace": "x"})
        await bus.publish_durable("orders.new", b"good")

        letter = await dead.get(10)
        assert (letter.subject, letter.data) == ("dead.orders.new", b"bad")
        assert letter.headers == {
            "trace": "x",
            "Nats-Msg-Id": "work.ORDERS.1",
            "Dead-Letter-Reason": "ValueError: no such customer",
            "Dead-Letter-Subject": "orders.new",
            "Dead-Letter-Stream": "ORDERS",
            "Dead-Letter-Sequence": "1",
            "Dead-Letter-Deliveries": "2",
        }
        assert sorted(handled) == [b"bad", b"bad", b"good"]

    durable_test(test)


def test_what_does_not_fit_its_type_becomes_a_dead_letter(durable_test):
    """Nobody can acknowledge it, and it must not come for ever."""

    async def test(server, bus, errors):
        dead = await bus.subscribe("dead.>", durable="undertaker")
        numbers = asyncio.Queue()
        await bus.subscribe(
            "orders.>", lambda message: numbers.put_nowait(message.value.number), durable=QUICK, type=Order
        )

        await bus.publish_durable("orders.new", b"\xc1nonsense")
        await bus.publish_durable("orders.new", Order(7))

        assert await numbers.get() == 7
        letter = await dead.get(10)
        assert letter.data == b"\xc1nonsense"
        assert letter.headers["Dead-Letter-Reason"] == "not acknowledged in time"

    durable_test(test)


def test_a_dead_letter_that_nobody_keeps_is_not_thrown_away(durable_test):
    async def test(server, bus, errors):
        told = asyncio.Event()
        durable = Durable(name="work", deliveries_most=1, dead_letter="nobody.here")
        errors_seen = []

        async with connect(server.url, on_error=lambda e: (errors_seen.append(e), told.set())) as other:
            subscription = await other.subscribe("orders.>", durable=durable)
            await publish(bus, 1)
            with pytest.raises(Exception, match=r"cannot go to 'nobody\.here': no stream keeps"):
                await other.nak(await subscription.get(10))

            letters = await bus.subscribe("nobody.here")
            await told.wait()

            assert (await letters.get(20)).data == b"0"

    durable_test(test)


def test_a_dead_letter_is_not_buried_again(durable_test):
    """An undertaker that fails would otherwise write letters about letters for ever."""

    async def test(server, bus, errors):
        undertaker = Durable(name="undertaker", deliveries_most=1)
        letters = await bus.subscribe("dead.>", durable=undertaker)
        await bus.publish_durable("dead.orders.new", b"", headers={"Dead-Letter-Stream": "ORDERS"})

        for deliveries in (1, 2, 3):
            letter = await letters.get(10)
            await bus.nak(letter)
            assert (letter.subject, delivery_of(letter).deliveries) == ("dead.orders.new", deliveries)

    durable_test(test)


@pytest.mark.parametrize(("start", "expected"), [("first", 0), ("next", 10), (4, 3)])
def test_a_new_durable_begins_where_it_is_told(durable_test, start, expected):
    async def test(server, bus, errors):
        await publish(bus, 10)
        subscription = await bus.subscribe("orders.>", durable=Durable(name="replay", start=start))
        await bus.publish_durable("orders.new", b"10")

        assert await take(bus, subscription, 11 - expected) == [b"%d" % n for n in range(expected, 11)]

    durable_test(test)


def test_a_new_durable_begins_at_a_time(durable_test):
    async def test(server, bus, errors):
        await publish(bus, 5)
        everything = await bus.subscribe("orders.>", durable="all")
        third = [await everything.get(10) for _ in range(5)][2]
        middle = delivery_of(third).stored

        replay = Durable(name="replay", start=middle)
        subscription = await bus.subscribe("orders.>", durable=replay)

        assert await take(bus, subscription, 3) == [b"2", b"3", b"4"]

    durable_test(test)


def test_those_of_one_durable_name_share(durable_test):
    async def test(server, bus, errors):
        async with connect(server.url) as other:
            shares = [[], []]
            done = asyncio.Event()

            def work(share, message):
                share.append(int(message.data))
                if sum(map(len, shares)) == 200:
                    done.set()

            for connection, share in zip((bus, other), shares, strict=True):
                await connection.subscribe(
                    "orders.>", lambda m, share=share: work(share, m), durable="work", limit=10
                )
            await publish(bus, 200)
            await done.wait()

            assert sorted(itertools.chain(*shares)) == list(range(200))
            assert all(shares)

    durable_test(test)


def test_a_subscriber_that_is_killed_loses_nothing(durable_test):
    """Each message carries an id; one may be seen twice, and only if it was not acknowledged."""

    async def test(server, bus, errors):
        ids = [str(number) for number in range(300)]
        for id in ids:
            await bus.publish_durable("orders.new", b"", headers={"id": id})
        seen = []

        async with subscriber(server.url) as first:
            while len(seen) < 100:
                seen += (await first.stdout.readline()).decode().split()
            first.send_signal(signal.SIGKILL)
            seen += (await first.stdout.read()).decode().split()  # what it had still written
        async with subscriber(server.url) as second:
            while set(seen) != set(ids):
                seen.append((await second.stdout.readline()).decode().strip())

        twice = [id for id in ids if seen.count(id) > 1]
        assert len(twice) <= 1  # the one at hand; all before it were acknowledged

    durable_test(test)


def test_a_server_that_is_killed_loses_nothing_it_has_acknowledged(durable_test):
    async def test(server, bus, errors):
        stored = []
        received = []
        half, done = asyncio.Event(), asyncio.Event()

        def handle(message):
            received.append(message.headers["id"])
            if len(set(received)) == 100:
                half.set()
            if set(received) >= set(map(str, range(300))):
                done.set()

        async def produce():
            for number in range(300):
                while str(number) not in stored:
                    try:
                        await bus.publish_durable(
                            "orders.new", b"", id=str(number), headers={"id": str(number)}
                        )
                    except (RequestTimeout, Unsupported):
                        continue  # the same id again, which is stored once
                    stored.append(str(number))

        await bus.subscribe("orders.>", handle, durable=Durable(name="work", ack_wait_seconds=1.0))
        producing = asyncio.create_task(produce())
        await half.wait()
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        await producing
        await done.wait()

        assert sorted(stored, key=int) == [str(number) for number in range(300)]

    durable_test(test)


def test_a_blocking_bus_is_durable_too(nats_program):
    with NatsServer(jetstream=True) as server, connect(server.url) as bus:
        bus.add_stream("ORDERS", ["orders.>"], storage="memory")
        assert bus.publish_durable("orders.new", b"1") == 1
        subscription = bus.subscribe("orders.>", durable="work")

        first = subscription.get(10)
        bus.nak(first)
        again = subscription.get(10)
        bus.ack(again)

        assert (first.data, again.data) == (b"1", b"1")
        assert delivery_of(again).deliveries == 2


def test_a_blocking_handler_acknowledges_by_returning(nats_program):
    with NatsServer(jetstream=True) as server:
        with connect(server.url) as bus:
            bus.add_stream("ORDERS", ["orders.>"])
            for number in range(100):
                bus.publish_durable("orders.new", b"%d" % number)
            handled = Queue()
            bus.subscribe("orders.>", lambda message: handled.put(message.data), durable="work")
            assert [handled.get(timeout=10) for _ in range(100)] == [b"%d" % n for n in range(100)]
            bus.drain()

        with connect(server.url) as bus:
            bus.publish_durable("orders.new", b"next")
            subscription = bus.subscribe("orders.>", durable="work")
            assert subscription.get(10).data == b"next"
