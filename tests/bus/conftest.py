"""Every transport, each as it is for event loops and as it is for threads."""

import asyncio
import itertools
import os
import subprocess
import sys
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

import pytest

from messenger.bus import connect
from messenger.bus.nats_server import NatsServer, ServerFailed, find_program

_numbers = itertools.count()


class FromThreads:
    """A connection for threads, whose every call is made in one."""

    def __init__(self, bus):
        self._bus = bus

    def __getattr__(self, name):
        method = getattr(self._bus, name)

        async def call(*arguments, **keywords):
            result = await asyncio.to_thread(method, *arguments, **keywords)
            return SubscriptionFromThreads(result) if name == "subscribe" else result

        return call


class SubscriptionFromThreads:
    def __init__(self, subscription):
        self._subscription = subscription

    async def __aiter__(self):
        messages = iter(self._subscription)
        while message := await asyncio.to_thread(next, messages, None):
            yield message

    async def get(self, timeout=None):
        return await asyncio.to_thread(self._subscription.get, timeout)

    @property
    def dropped(self):
        return self._subscription.dropped

    async def batches(self):
        batches = self._subscription.batches()
        while (batch := await asyncio.to_thread(next, batches, None)) is not None:
            yield batch

    async def drain(self):
        await asyncio.to_thread(self._subscription.drain)

    async def close(self):
        await asyncio.to_thread(self._subscription.close)


@asynccontextmanager
async def for_threads(url, **options):
    connecting = connect(url, **options)
    bus = await asyncio.to_thread(connecting.__enter__)
    try:
        yield FromThreads(bus)
    finally:
        await asyncio.to_thread(connecting.__exit__, None, None, None)


TWINS = {"loop": connect, "threads": for_threads}


class Net:
    """A transport in use: opens connections to one place, and closes them in the end."""

    def __init__(self, url, twin, stack):
        self.url, self._twin, self._stack = url, twin, stack
        self._serve = url.endswith("/direct")
        self.scheme = url.partition(":")[0]
        self.errors = []

    async def open(self, **options):
        options = {"on_error": self.errors.append} | options
        if self._serve:  # whoever comes first is the hub
            self._serve, options = False, options | {"serve": True}
        return await self._stack.enter_async_context(TWINS[self._twin](self.url, **options))


def start_hub(url, *options):
    """Run a hub in a process of its own; returns the process and the URL that it serves."""
    hub = subprocess.Popen(
        [sys.executable, "-m", "messenger", "bus", "serve", url, *options], stdout=subprocess.PIPE, text=True
    )
    return hub, hub.stdout.readline().strip()


@contextmanager
def hub_at(url, *options):
    hub, served = start_hub(url, *options)
    try:
        yield served
    finally:
        hub.terminate()
        hub.communicate(timeout=10)


@pytest.fixture(scope="session")
def ipc_hub(tmp_path_factory):
    with hub_at(f"zmq+ipc://{tmp_path_factory.mktemp('hub')}/hub") as url:
        yield url


@pytest.fixture(scope="session")
def tcp_hub():
    with hub_at("zmq+tcp://127.0.0.1:0") as url:
        yield url


@pytest.fixture(scope="session")
def nats_program():
    """Claim that nats-server is installed: required in CI, and the reason to skip elsewhere."""
    try:
        return find_program()
    except ServerFailed as error:
        if "CI" in os.environ:
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def nats_url(request):
    """A server for all tests, with JetStream: yours, or one that is started for them."""
    if theirs := os.environ.get("MESSENGER_NATS_URL"):
        yield theirs
        return
    request.getfixturevalue("nats_program")
    with NatsServer(jetstream=True) as server:
        yield server.url


TRANSPORTS = ["inproc", "ipc", "tcp", "direct", "nats"]


@pytest.fixture(params=TRANSPORTS)
def transport(request):
    return request.param


@pytest.fixture
def url(transport, request, tmp_path):
    return f"zmq+ipc://{tmp_path}/direct" if transport == "direct" else _served(transport, request)


@pytest.fixture(params=[transport for transport in TRANSPORTS if transport != "direct"])
def served(request):
    """The URL of a bus that needs nobody to be served by."""
    return _served(request.param, request)


def _served(transport, request):
    if transport == "inproc":
        return f"inproc://test-{next(_numbers)}"
    return request.getfixturevalue("nats_url" if transport == "nats" else f"{transport}_hub")


@pytest.fixture(params=TWINS)
def bus_test(url, request):
    """Run an async test with a `Net`, 20 seconds at most."""

    def run(test):
        async def main():
            async with asyncio.timeout(20), AsyncExitStack() as stack:
                await test(Net(url, request.param, stack))

        asyncio.run(main())

    return run


@pytest.fixture(params=["ipc", "tcp", "nats"])
def wire(request):
    """The URL of what joins processes."""
    return _served(request.param, request)
