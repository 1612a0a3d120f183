"""What every transport keeps, for event loops and for threads alike."""

import asyncio
import itertools
import threading

import msgspec
import pytest

from messenger.bus import (
    Closed,
    Malformed,
    NoResponders,
    RequestTimeout,
    SlowConsumer,
    TooLarge,
    Unsupported,
    connect,
)
from messenger.bus.subject import BadSubject


class Order(msgspec.Struct):
    number: int
    paid: bool = False


async def take(subscription, count):
    return [await subscription.get(10) for _ in range(count)]


def data(messages):
    return [message.data for message in messages]


def test_a_message_reaches_every_subscription_its_subject_matches(bus_test):
    async def test(net):
        bus, other = await net.open(), await net.open()
        patterns = ["orders.created", "orders.*", "orders.>", ">", "*.created"]
        subscriptions = [await other.subscribe(pattern) for pattern in patterns]
        silent = await other.subscribe("orders.created.*", limit=1, on_full="drop_new")

        await bus.publish("orders.created", b"one")
        await bus.publish("orders.created", b"two")

        for subscription in subscriptions:
            messages = await take(subscription, 2)
            assert [(message.subject, message.data) for message in messages] == [
                ("orders.created", b"one"),
                ("orders.created", b"two"),
            ]
        assert silent.dropped == 0

    bus_test(test)


def test_messages_of_one_publisher_come_in_their_order(bus_test):
    async def test(net):
        bus = await net.open()
        subscription = await bus.subscribe("n")

        sending = asyncio.create_task(send(bus, "n", 3000))

        assert data(await take(subscription, 3000)) == [b"%d" % number for number in range(3000)]
        await sending

    bus_test(test)


def test_many_at_once_come_as_batches_in_their_order(bus_test):
    async def test(net):
        bus = await net.open()
        subscription = await bus.subscribe("n", limit=500)
        sent = [b"%d" % number for number in range(5000)]

        sending = asyncio.create_task(bus.publish_many("n", sent))
        received = []
        async for batch in subscription.batches():
            received += data(batch)
            if len(received) == len(sent):
                break

        await sending
        assert received == sent

    bus_test(test)


def test_a_queue_group_shares_and_others_get_everything(bus_test):
    async def test(net):
        bus = await net.open()
        members = [[], [], []]
        everything = await bus.subscribe("work")
        done = asyncio.Event()
        loop = asyncio.get_running_loop()

        def work(received, message):
            received.append(message.data)
            if sum(map(len, members)) == 300:
                loop.call_soon_threadsafe(done.set)

        for received in members:
            await bus.subscribe("work", lambda m, r=received: work(r, m), queue_group="workers")
        await send(bus, "work", 300)
        await done.wait()

        assert sorted(itertools.chain(*members)) == sorted(data(await take(everything, 300)))

    bus_test(test)


def test_a_request_gets_its_reply(bus_test):
    async def test(net):
        bus, server = await net.open(), await net.open()
        await server.subscribe("double", lambda message: message.data * 2)

        replies = await asyncio.gather(*(bus.request("double", b"%d" % number) for number in range(50)))

        assert data(replies) == [b"%d%d" % (number, number) for number in range(50)]

    bus_test(test)


def test_a_reply_may_be_sent_later_and_by_hand(bus_test):
    async def test(net):
        bus, server = await net.open(), await net.open()
        requests = await server.subscribe("slow")

        asking = asyncio.create_task(bus.request("slow", b"?", headers={"trace": "7"}))
        [request] = await take(requests, 1)
        await server.reply(request, b"!")

        assert request.headers == {"trace": "7"}
        assert (await asking).data == b"!"

    bus_test(test)


def test_without_responders_a_request_fails_at_once(bus_test):
    """Waiting for a timeout to learn that nobody is there wastes everybody's time."""

    async def test(net):
        bus = await net.open()

        with pytest.raises(NoResponders, match="nobody answers requests to 'nobody'"):
            await bus.request("nobody", b"", 600)

    bus_test(test)


def test_a_reply_that_does_not_come_is_a_timeout(bus_test):
    async def test(net):
        bus = await net.open()
        await bus.subscribe("silent", lambda message: None)

        with pytest.raises(RequestTimeout, match=r"no reply from 'silent' within 0\.05 s") as caught:
            await bus.request("silent", b"", 0.05)
        assert isinstance(caught.value, TimeoutError)

    bus_test(test)


@pytest.mark.parametrize("format", ["msgpack", "json"])
def test_typed_messages_arrive_as_their_type(bus_test, format):
    async def test(net):
        bus = await net.open(format=format)
        subscription = await bus.subscribe("orders", type=Order)

        await bus.publish("orders", Order(7, paid=True))

        [message] = await take(subscription, 1)
        assert message.value == Order(7, paid=True)

    bus_test(test)


def test_what_does_not_fit_its_type_is_told_and_the_next_one_comes(bus_test):
    """One bad publisher must not silence a subscription."""

    async def test(net):
        bus = await net.open()
        seen = asyncio.Queue()
        loop = asyncio.get_running_loop()
        await bus.subscribe(
            "orders", lambda message: loop.call_soon_threadsafe(seen.put_nowait, message.value), type=Order
        )

        await bus.publish("orders", b"\xc1nonsense")
        await bus.publish("orders", {"number": "seven"})
        await bus.publish("orders", Order(7))

        assert await seen.get() == Order(7)
        assert [type(error) for error in net.errors] == [Malformed, Malformed]
        assert all("a message to 'orders' is no" in str(error) for error in net.errors)

    bus_test(test)


def test_a_handler_that_raises_is_told_and_goes_on(bus_test):
    async def test(net):
        bus = await net.open()
        await bus.subscribe("divide", lambda message: b"%d" % (10 // int(message.data)))

        with pytest.raises(RequestTimeout):
            await bus.request("divide", b"0", 0.2)
        assert (await bus.request("divide", b"5")).data == b"2"
        assert [type(error) for error in net.errors] == [ZeroDivisionError]

    bus_test(test)


@pytest.mark.parametrize(
    ("on_full", "kept", "dropped"),
    [("drop_oldest", [b"7", b"8", b"9"], 7), ("drop_new", [b"0", b"1", b"2"], 7)],
)
def test_a_full_subscription_drops_and_counts(bus_test, on_full, kept, dropped):
    async def test(net):
        bus = await net.open()
        subscription = await bus.subscribe("n", limit=3, on_full=on_full)

        await send(bus, "n", 10)
        await bus.flush()

        assert data(await take(subscription, 3)) == kept
        assert subscription.dropped == dropped

    bus_test(test)


def test_a_full_subscription_can_refuse(bus_test):
    """In process the publisher is told; elsewhere it is far away, and the subscriber is told."""

    async def test(net):
        bus = await net.open()
        subscription = await bus.subscribe("n", limit=3, on_full="error")

        if net.scheme == "inproc":
            with pytest.raises(SlowConsumer, match="n has 3 messages waiting, its limit"):
                await send(bus, "n", 10)
        else:
            await send(bus, "n", 10)
            await bus.flush()

        assert data(await take(subscription, 3)) == [b"0", b"1", b"2"]
        assert subscription.dropped == (1 if net.scheme == "inproc" else 7)
        if net.scheme != "inproc":
            assert [type(error) for error in net.errors] == [SlowConsumer] * 3
            assert "n has lost 4 messages, for 3 waited, its limit" in str(net.errors[-1])

    bus_test(test)


def test_a_full_subscription_makes_the_publisher_wait(bus_test):
    """In process it does; elsewhere what is between them keeps the rest, up to its own limit."""

    async def test(net):
        bus = await net.open()
        subscription = await bus.subscribe("n", limit=3)

        sending = asyncio.create_task(send(bus, "n", 100))

        if net.scheme != "inproc":
            await sending
        else:
            await asyncio.sleep(0.05)
            assert not sending.done()
        assert data(await take(subscription, 100)) == [b"%d" % number for number in range(100)]
        await sending
        assert subscription.dropped == 0

    bus_test(test)


def test_draining_ends_when_what_came_is_read(bus_test):
    async def test(net):
        bus = await net.open()
        subscription = await bus.subscribe("n")
        await send(bus, "n", 10)
        await bus.flush()

        await subscription.drain()
        await bus.publish("n", b"too late")

        assert len([message async for message in subscription]) == 10

    bus_test(test)


def test_draining_a_bus_loses_nothing_that_handlers_have_to_do(bus_test):
    async def test(net):
        other, bus = await net.open(), await net.open()
        done = []
        await bus.subscribe("n", lambda message: done.append(message.data))
        await send(other, "n", 2000)
        await other.flush()

        await bus.drain()

        assert done == [b"%d" % number for number in range(2000)]
        with pytest.raises(Closed):
            await bus.publish("n", b"")

    bus_test(test)


def test_closing_wakes_who_waits(bus_test):
    async def test(net):
        bus = await net.open()
        subscription = await bus.subscribe("n")
        waiting = asyncio.create_task(collect(subscription))
        await send(bus, "n", 1)

        await asyncio.sleep(0.05)
        await subscription.close()

        assert await waiting == [b"0"]

    bus_test(test)


@pytest.mark.parametrize("subject", ["", ".", "a..b", ".a", "a.", "a b", "a\n", "a.*", ">", "ä", "x" * 256])
def test_no_message_goes_to_what_is_no_subject(bus_test, subject):
    async def test(net):
        bus = await net.open()

        with pytest.raises(BadSubject):
            await bus.publish(subject, b"")

    bus_test(test)


@pytest.mark.parametrize("pattern", ["", "a..b", "a*", "a.>.b", ">a", "**", "a b"])
def test_nobody_subscribes_to_what_is_no_pattern(bus_test, pattern):
    async def test(net):
        bus = await net.open()

        with pytest.raises(BadSubject):
            await bus.subscribe(pattern)

    bus_test(test)


def test_a_message_over_the_limit_is_refused_with_the_limit(bus_test):
    async def test(net):
        bus = await net.open()
        subscription = await bus.subscribe("n")

        with pytest.raises(TooLarge, match="1048576 bytes at most, and this one 1048577"):
            await bus.publish("n", bytes(1048577))
        await bus.publish("n", bytes(1048576))

        assert len((await take(subscription, 1))[0].data) == 1048576

    bus_test(test)


async def send(bus, subject, count):
    for number in range(count):
        await bus.publish(subject, b"%d" % number)


async def collect(subscription):
    return [message.data async for message in subscription]


def test_an_error_hook_that_raises_ends_nothing(bus_test, caplog):
    async def test(net):
        def hook(error):
            raise RuntimeError("the hook is broken")

        bus = await net.open(on_error=hook)
        handled = []

        def handle(message):
            handled.append(message.data)
            raise ValueError

        await bus.subscribe("a", handle)
        for number in range(3):
            await bus.publish("a", b"%d" % number)
        while len(handled) < 3:
            await asyncio.sleep(0.01)
        assert "the hook is broken" in caplog.text

    bus_test(test)


def test_a_handler_can_drain_its_bus(bus_test):
    async def test(net):
        other, bus = await net.open(), await net.open()  # the first may be the hub
        drained = asyncio.Event()
        loop = asyncio.get_running_loop()

        async def handle(message):
            await bus.drain(5)
            drained.set()

        def handle_in_thread(message):
            bus._bus.drain(5)
            loop.call_soon_threadsafe(drained.set)

        await bus.subscribe("a", handle_in_thread if hasattr(bus, "_bus") else handle)
        await other.publish("a", b"")
        await asyncio.wait_for(drained.wait(), 3)
        with pytest.raises(Closed):
            await bus.publish("a", b"")

    bus_test(test)


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({"limit": 0}, ValueError),
        ({"limit": -1}, ValueError),
        ({"limit": 1.5}, TypeError),
        ({"on_full": "bock"}, ValueError),
        ({"queue_group": ""}, BadSubject),
        ({"queue_group": "two words"}, BadSubject),
    ],
)
def test_a_subscription_that_could_not_work_is_refused(bus_test, wanted, error):
    async def test(net):
        bus = await net.open()
        with pytest.raises(error):
            await bus.subscribe("a", **wanted)

    bus_test(test)


@pytest.mark.parametrize("headers", [{"key": "\ud800"}, {"\udfff": "value"}])
def test_headers_that_are_no_text_are_refused_and_take_nothing_with_them(bus_test, headers):
    async def test(net):
        bus = await net.open()
        subscription = await bus.subscribe("a")

        await bus.publish("a", b"0")
        await bus.publish("a", b"1")
        with pytest.raises((TypeError, Unsupported)):
            await bus.publish("a", b"2", headers=headers)
        await bus.publish("a", b"3")

        assert data(await take(subscription, 3)) == [b"0", b"1", b"3"]

    bus_test(test)


def test_threads_forget_the_handlers_that_have_ended(served):
    with connect(served) as bus:
        for _ in range(20):
            bus.subscribe("a", print).close()
        for thread in tuple(bus._threads):
            thread.join(5)
        assert not bus._threads


@pytest.mark.parametrize("timeout", [float("inf"), 1e10])
def test_threads_can_wait_for_as_long_as_they_like(timeout):
    with connect("inproc://as-long-as-they-like") as bus:
        subscription = bus.subscribe("a")
        timer = threading.Timer(0.1, bus.publish, ("a", b"late"))
        timer.start()
        assert subscription.get(timeout).data == b"late"
        timer.join()
        bus.subscribe("b", print)
        bus.drain(timeout)


@pytest.mark.parametrize("subject", ["", "two words", "a..b", "a.*", 5, b"a"])
def test_nobody_is_told_to_reply_to_what_is_no_subject(bus_test, subject):
    async def test(net):
        bus = await net.open()
        with pytest.raises(BadSubject):
            await bus.publish("a", b"", reply_to=subject)

    bus_test(test)


@pytest.mark.parametrize("subject", [None, 5, b"a"])
def test_what_is_no_text_is_no_subject(bus_test, subject):
    async def test(net):
        bus = await net.open()
        with pytest.raises(BadSubject):
            await bus.publish(subject, b"")
        with pytest.raises(BadSubject):
            await bus.subscribe(subject)

    bus_test(test)


@pytest.mark.parametrize("limit", [2, 10, 100])
def test_a_publisher_goes_on_when_half_of_a_full_subscription_is_read(bus_test, limit):
    """A reader may itself wait for the publisher, in the middle of what it reads."""

    async def test(net):
        bus = await net.open()
        subscription = await bus.subscribe("n", limit=limit)
        sending = asyncio.create_task(send(bus, "n", limit + limit // 2))

        read = 0
        async for _ in subscription:
            read += 1
            if read == limit // 2 + 1:
                await sending
            if read == limit + limit // 2:
                break

        assert subscription.dropped == 0

    bus_test(test)


def test_a_handler_that_cannot_be_called_is_refused_at_once(bus_test):
    async def test(net):
        bus = await net.open()

        with pytest.raises(TypeError, match="and 5 is none"):
            await bus.subscribe("n", 5)

    bus_test(test)
