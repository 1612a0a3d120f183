"""What ZeroMQ has to survive: peers that die, a hub that comes back, and whatever a socket can bring."""

import asyncio
import itertools
import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress

import msgspec
import pytest
import zmq

from messenger.bus import (
    BadUrl,
    Closed,
    Disconnected,
    NoResponders,
    Refused,
    RequestTimeout,
    connect,
)
from messenger.bus.entries import Pause, Publish, Resume, Subscribe
from messenger.bus.hub import KEPT_BYTES_MOST, Hub
from messenger.bus.message import LIMIT
from messenger.bus.zeromq_keys import Curve, write_keys

from .conftest import hub_at, start_hub

# Answers requests to `work` in a queue group, with its process id.
WORKER = """
import asyncio, os, sys
from messenger.bus import connect

async def main():
    async with connect(sys.argv[1]) as bus:
        await bus.subscribe("work", lambda message: str(os.getpid()).encode(), queue_group="workers")
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


# Counts what comes, and what the hub has dropped, until the last message.
COUNTER = """
import asyncio, sys
from messenger.bus import connect

async def main():
    async with connect(sys.argv[1], on_error=lambda error: None) as bus:
        subscription = await bus.subscribe("stream", limit=1_000_000)
        print("ready", flush=True)
        received = 0
        async for message in subscription:
            if message.data == b"first":
                print("first", flush=True)
            elif message.data == b"last":
                print(received, subscription.dropped, flush=True)
                break
            else:
                received += 1

asyncio.run(main())
"""


def run(test, seconds=30):
    async def main():
        async with asyncio.timeout(seconds):
            await test

    asyncio.run(main())


def start_worker(url, stack):
    worker = subprocess.Popen([sys.executable, "-c", WORKER, url], stdout=subprocess.PIPE, text=True)
    stack.callback(worker.wait)
    stack.callback(worker.kill)
    assert worker.stdout.readline() == "ready\n"
    return worker


async def ask_until_answered(bus, subject):
    """Return the first reply; whoever answers may be coming back."""
    while True:
        try:
            return await bus.request(subject, b"?", 0.2)
        except (RequestTimeout, NoResponders):
            continue


def test_a_hub_that_is_killed_and_comes_back_finds_its_subscriptions(tmp_path):
    """Nobody else can tell the subscribers that they have to subscribe again."""
    url = f"zmq+ipc://{tmp_path}/hub"
    hub, _ = start_hub(url)
    errors = []

    async def test():
        nonlocal hub
        async with connect(url, on_error=errors.append) as server, connect(url) as client:
            await server.subscribe("echo", lambda message: message.data)
            assert (await client.request("echo", b"1")).data == b"1"

            hub.send_signal(signal.SIGKILL)
            hub.wait()
            hub, _ = start_hub(url)
            reply = await ask_until_answered(client, "echo")

            assert reply.data == b"?"
            assert [type(error) for error in errors] == [Disconnected]

    try:
        run(test())
    finally:
        hub.terminate()
        hub.communicate()


def test_what_is_published_while_the_hub_is_away_arrives_when_it_is_back(tmp_path):
    url = f"zmq+ipc://{tmp_path}/hub"
    hub, _ = start_hub(url)
    gone = asyncio.Event()

    async def test():
        nonlocal hub
        async with connect(url, on_error=lambda error: gone.set()) as bus:
            subscription = await bus.subscribe("n")
            hub.send_signal(signal.SIGKILL)
            hub.wait()
            await gone.wait()

            for number in range(100):
                await bus.publish("n", b"%d" % number)
            hub, _ = start_hub(url)
            await bus.publish("n", b"last")
            received = [(await subscription.get()).data]
            while received[-1] != b"last":
                received.append((await subscription.get()).data)

            assert received == [b"%d" % number for number in range(100)] + [b"last"]

    try:
        run(test())
    finally:
        hub.terminate()
        hub.communicate()


def test_a_killed_worker_is_replaced_by_the_others_and_missed_when_it_was_the_last(ipc_hub):
    async def test(stack):
        workers = [start_worker(ipc_hub, stack) for _ in range(2)]
        async with connect(ipc_hub) as bus:
            both = {(await bus.request("work", b"")).data for _ in range(10)}
            assert both == {str(worker.pid).encode() for worker in workers}

            workers[0].kill()
            workers[0].wait()
            await ask_until_answered(bus, "work")
            left = {(await bus.request("work", b"")).data for _ in range(10)}
            assert left == {str(workers[1].pid).encode()}

            workers[1].kill()
            workers[1].wait()
            with suppress(RequestTimeout, NoResponders):  # as the hub knows already, or not
                await bus.request("work", b"", 0.2)
            with pytest.raises(NoResponders):
                await bus.request("work", b"", 0.2)

    with ExitStack() as stack:
        run(test(stack))


def test_what_a_slow_subscriber_has_no_room_for_is_kept_by_the_hub_then_dropped_and_counted(ipc_hub):
    """A publisher must not wait for ever, nor memory grow; but nothing is lost without a count."""
    count = 3 * LIMIT

    async def test():
        lost = []
        async with connect(ipc_hub, on_error=lost.append) as slow, connect(ipc_hub) as bus:
            subscription = await slow.subscribe("n", limit=10)
            await bus.publish_many("n", (b"%d" % number for number in range(count)))
            await bus.flush()

            received = []
            while len(received) + subscription.dropped < count:
                received.append(int((await subscription.get()).data))

            assert len(received) >= LIMIT
            assert subscription.dropped > 0
            assert received == sorted(received)
            assert "n has lost" in str(lost[-1])

    run(test(), 60)


def test_a_subscriber_that_stands_still_keeps_nobody_else_waiting_and_loses_nothing_uncounted(ipc_hub):
    """The hub knows no more of it than that its socket has no room."""
    count = 2 * LIMIT

    async def test(stack):
        sleeper = subprocess.Popen(
            [sys.executable, "-c", COUNTER, ipc_hub], stdout=subprocess.PIPE, text=True
        )
        stack.callback(sleeper.communicate)
        stack.callback(sleeper.kill)
        assert sleeper.stdout.readline() == "ready\n"
        async with connect(ipc_hub) as bus:
            await bus.publish("stream", b"first")
            assert sleeper.stdout.readline() == "first\n"
            awake = await bus.subscribe("stream", limit=2 * count)

            sleeper.send_signal(signal.SIGSTOP)
            await bus.publish_many("stream", itertools.repeat(bytes(1000), count))
            assert len([await awake.get() for _ in range(count)]) == count
            sleeper.send_signal(signal.SIGCONT)
            while not select.select([sleeper.stdout], [], [], 0.05)[0]:
                await bus.publish("stream", b"last")
                await bus.flush()

        received, dropped = map(int, sleeper.stdout.readline().split())
        assert received + dropped >= count
        assert received > 0
        assert dropped > 0

    with ExitStack() as stack:
        run(test(stack), 60)


def test_a_hub_keeps_no_more_than_its_limit_of_bytes():
    """A limit in messages alone would let 64 GiB wait."""
    hub = Hub()
    sent = []
    peer = hub.peer(b"p", lambda entries: sent.extend(entries) or [])
    publisher = hub.peer(b"q", lambda entries: [])
    message = msgspec.Raw(msgspec.msgpack.encode(["n", bytes(1024 * 1024)]))

    hub.take(peer, [Subscribe(1, "n", None), Pause(1)])
    hub.take(publisher, [Publish("n", message)] * 100)
    hub.take(peer, [Resume(1)])
    hub.flush()

    *messages, lost = sent
    assert len(messages) == KEPT_BYTES_MOST // memoryview(message).nbytes
    assert lost.count == 100 - len(messages)


def test_whatever_a_raw_socket_brings_the_bus_goes_on(tcp_hub):
    random.seed(7)
    host, port = tcp_hub.removeprefix("zmq+tcp://").split(":")
    good = msgspec.msgpack.encode([[1, "echo", ["echo", b"x"]], [3, 7, "a.*", None], [7, 1]])

    async def test():
        async with connect(tcp_hub) as bus:
            await bus.subscribe("echo", lambda message: message.data)
            for number in range(50):
                with socket.create_connection((host, int(port))) as raw:  # no ZeroMQ at all
                    raw.sendall(random.randbytes(200))
                with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
                    dealer.linger = 100
                    dealer.connect(f"tcp://{host}:{port}")
                    torn = bytearray(good)
                    torn[random.randrange(len(torn))] = random.randrange(256)
                    for frames in (
                        [random.randbytes(50)],
                        [bytes(torn)],
                        [good[: number % len(good)]],
                        [b"", b"", b""],
                        [msgspec.msgpack.encode([[3, n, "x" * n, None] for n in range(300)])],
                        [
                            msgspec.msgpack.encode(
                                [[1, "a..b", ["a..b", b""]], [99], [2, "echo", "_reply.zz.1", []]]
                            )
                        ],
                    ):
                        dealer.send_multipart(frames)
                assert (await bus.request("echo", b"%d" % number)).data == b"%d" % number

    run(test(), 60)


def test_a_path_or_port_that_is_served_is_not_taken_over(ipc_hub, tcp_hub):
    """ZeroMQ itself would take a path away from whoever serves it."""

    async def test(url):
        with pytest.raises(BadUrl, match="already"):
            async with connect(url, serve=True):
                pass

    run(test(ipc_hub))
    run(test(tcp_hub))


@pytest.mark.parametrize(
    "url", ["zmq+tcp://0.0.0.0:0", "zmq+tcp://192.0.2.1:5555", "zmq+tcp://example.org:1"]
)
def test_other_machines_are_not_served_without_keys(url):
    async def test():
        with pytest.raises(BadUrl, match="refusing to serve"):
            async with connect(url, serve=True):
                pass

    run(test())


@pytest.mark.parametrize(
    "url", ["zmq+tcp://127.0.0.1", "zmq+tcp://:5", "zmq+ipc://", "zmq+ipc://host/p", "zmq+tcp://a:b"]
)
def test_what_is_no_address_is_said_so(url):
    async def test():
        with pytest.raises(BadUrl, match="is no address"):
            async with connect(url):
                pass

    run(test())


def test_nobody_there_is_an_error_within_the_time_given(tmp_path):
    async def test():
        with pytest.raises(Disconnected, match="messenger bus serve"):
            async with connect(f"zmq+ipc://{tmp_path}/nobody", connect_timeout_seconds=0.2):
                pass

    run(test())


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Files of a hub and of those it lets in, and of a stranger."""
    folder = tmp_path_factory.mktemp("keys")
    clients = folder / "clients"
    clients.mkdir()
    for name in ("hub", "friend", "stranger"):
        write_keys(folder, name)
    os.link(folder / "friend.key", clients / "friend.key")
    return folder


@pytest.fixture
def encrypted(keys):
    """A hub that lets friends in."""
    curve = Curve(secret=keys / "hub.key_secret", clients=keys / "clients")
    return connect("zmq+tcp://127.0.0.1:0", serve=True, curve=curve)


def test_with_keys_friends_are_let_in(keys, encrypted):
    async def test():
        async with encrypted as server:
            curve = Curve(secret=keys / "friend.key_secret", server=keys / "hub.key")
            async with connect(server.url, curve=curve) as bus:
                await server.subscribe("echo", lambda message: message.data)
                assert (await bus.request("echo", b"1")).data == b"1"

    run(test())


@pytest.mark.parametrize(
    ("secret", "server"),
    [("stranger", "hub"), ("friend", "stranger"), (None, None)],
    ids=["a stranger", "another hub's key", "in plain text"],
)
def test_with_keys_nobody_else_is_let_in(keys, encrypted, secret, server):
    async def test():
        async with encrypted as hub:
            curve = secret and Curve(secret=keys / f"{secret}.key_secret", server=keys / f"{server}.key")
            with pytest.raises(Refused, match="messenger bus keys"):
                async with connect(hub.url, curve=curve, connect_timeout_seconds=1):
                    pass

    run(test())


def test_keys_are_not_talked_to_a_hub_without(keys, tcp_hub):
    async def test():
        curve = Curve(secret=keys / "friend.key_secret", server=keys / "hub.key")
        with pytest.raises(Refused):
            async with connect(tcp_hub, curve=curve, connect_timeout_seconds=1):
                pass

    run(test())


def test_a_secret_key_is_its_owners_alone(keys):
    assert (keys / "hub.key_secret").stat().st_mode & 0o777 == 0o600


def test_draining_under_load_loses_nothing(ipc_hub):
    """What a hub has taken for a subscription before it was drained, is read."""

    async def test():
        async with connect(ipc_hub) as bus, connect(ipc_hub) as other:
            done = []
            subscription = await bus.subscribe("n")
            publishing = asyncio.create_task(other.publish_many("n", [b"%d" % n for n in range(50_000)]))
            async for message in subscription:
                done.append(int(message.data))
                if len(done) == 1000:
                    await subscription.drain()
            await publishing

            assert done == list(range(len(done)))
            assert len(done) >= 1000

    run(test())


def test_ten_publishers_and_ten_subscribers(tcp_hub):
    async def test():
        async with connect(tcp_hub) as a, connect(tcp_hub) as b:
            subscriptions = [await a.subscribe("many.*") for _ in range(10)]
            async with asyncio.TaskGroup() as group:
                for publisher in range(10):
                    group.create_task(b.publish_many(f"many.{publisher}", [b"%d" % n for n in range(500)]))

            for subscription in subscriptions:
                seen = [await subscription.get() for _ in range(5000)]
                for publisher in range(10):
                    own = [int(one.data) for one in seen if one.subject == f"many.{publisher}"]
                    assert own == list(range(500))

    run(test())


def test_a_hub_of_its_own_process_says_where_it_is_and_ends_in_peace(tmp_path):
    with hub_at(f"zmq+ipc://{tmp_path}/hub") as url:
        assert url == f"zmq+ipc://{tmp_path}/hub"
    assert not (tmp_path / "hub").exists()


def test_a_subscription_that_is_given_up_takes_nothing_from_its_queue_group(ipc_hub):
    async def test():
        async with connect(ipc_hub) as bus, connect(ipc_hub) as other:
            for _ in range(3):
                with suppress(TimeoutError):
                    async with asyncio.timeout(0):
                        await bus.subscribe("given.up", queue_group="group")
            subscription = await bus.subscribe("given.up", queue_group="group")

            await other.publish_many("given.up", [b""] * 100)
            await other.flush()
            await bus.flush()

            assert subscription.pending == 100

    run(test())


def test_closing_ends_a_publisher_whose_hub_does_not_read(tmp_path):
    hub, url = start_hub(f"zmq+ipc://{tmp_path}/hub")

    async def test():
        async with connect(url) as bus:
            hub.send_signal(signal.SIGSTOP)

            async def publish():
                while not bus._closed:
                    await bus.publish("a", bytes(500_000))

            publishing = asyncio.create_task(publish())
            while not bus._link.full:
                await asyncio.sleep(0.01)
            await bus.close()

            await asyncio.wait_for(publishing, 5)

    try:
        run(test())
    finally:
        hub.kill()
        hub.communicate()


def test_threads_can_close_without_a_hub_and_hear_what_has_not_left(tmp_path, monkeypatch):
    monkeypatch.setattr("messenger.bus.loop_thread.SEND_SECONDS", 0.5)
    hub, url = start_hub(f"zmq+ipc://{tmp_path}/hub")
    errors = []
    bus = connect(url, on_error=errors.append)._open_blocking()
    hub.kill()
    hub.communicate()
    while not errors:
        time.sleep(0.01)
    for _ in range(LIMIT + 100):
        bus.publish("a", b"x" * 1000)

    with pytest.raises(Disconnected, match="wait to be sent"):
        bus.flush()
    closing = threading.Thread(target=bus.close, daemon=True)
    closing.start()
    closing.join(10)

    assert not closing.is_alive()
    assert "have not left" in str(errors[-1])


def test_a_path_of_something_else_is_left_alone(tmp_path):
    precious = tmp_path / "notes.txt"
    precious.write_text("precious")

    async def test():
        with pytest.raises(BadUrl, match=r"is no socket"):
            async with connect(f"zmq+ipc://{precious}", serve=True):
                pass

    run(test())
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("name", ["a#b", "a?b", "a%20b", "a b"])
def test_a_path_is_what_is_written(tmp_path, name):
    url = f"zmq+ipc://{tmp_path}/{name}"

    async def test():
        async with connect(url, serve=True), connect(url) as bus:
            await bus.flush()
            assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
            with pytest.raises(BadUrl, match="somebody does already"):
                async with connect(url, serve=True):
                    pass

    run(test())
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_address_leaves_nothing_open():
    async def test():
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            with pytest.raises(BadUrl):
                async with connect("zmq+tcp://host"):
                    pass
        assert len(os.listdir("/proc/self/fd")) < before + 10

    run(test())


def test_closing_ends_what_waits_for_an_answer(ipc_hub):
    """It would otherwise wait for its timeout, and say that nothing is known."""

    async def test():
        async with connect(ipc_hub) as bus, connect(ipc_hub) as silent:
            asked = await silent.subscribe("silence")
            asking = asyncio.create_task(bus.request("silence", b"", 600))
            await asked.get()

            await bus.close()

            with pytest.raises(Closed):
                await asking

    run(test())


def test_a_forked_process_is_told_to_connect_itself(ipc_hub):
    """The thread with the loop has stayed behind, and would be waited for for ever."""
    with connect(ipc_hub) as bus:
        pid = os.fork()
        if not pid:
            try:
                bus.request("nobody", b"")
            except Closed as error:
                os._exit(7 if "has forked" in str(error) else 1)
            finally:
                os._exit(2)

        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7


def test_a_path_that_cannot_be_served_says_why(tmp_path):
    async def test():
        with pytest.raises(BadUrl, match="No such file or directory") as caught:
            async with connect(f"zmq+ipc://{tmp_path}/missing/hub", serve=True):
                pass
        assert "already" not in str(caught.value)

    run(test())
