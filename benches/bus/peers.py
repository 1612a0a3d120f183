"""The other end of a ZeroMQ bench, as a process: `python peers.py ROLE URL`; says so when it is ready.

Raw ends use pyzmq as its guide does: blocking sockets, or those of zmq.asyncio.
"""

import asyncio
import sys

import zmq
import zmq.asyncio

from messenger.bus import connect

SUBJECT = "orders.created"
PAYLOAD = bytes(128)


def ready():
    print("ready", flush=True)


def raw_echo(url):
    router = zmq.Context().socket(zmq.ROUTER)
    router.bind(url)
    ready()
    while True:
        router.send_multipart(router.recv_multipart())


async def raw_asyncio_echo(url):
    router = zmq.asyncio.Context().socket(zmq.ROUTER)
    router.bind(url)
    ready()
    while True:
        await router.send_multipart(await router.recv_multipart())


def raw_publish(url, go_url):
    """Publish as many messages as a request asks for, whenever one comes."""
    context = zmq.Context()
    publisher, go = context.socket(zmq.PUB), context.socket(zmq.REP)
    publisher.setsockopt(zmq.SNDHWM, 0)
    publisher.bind(url)
    go.bind(go_url)
    ready()
    while True:
        count = int(go.recv())
        go.send(b"")
        for _ in range(count):
            publisher.send_multipart((SUBJECT.encode(), PAYLOAD))


async def bus_echo(url):
    async with connect(f"zmq+{url}", serve=True) as bus:
        await bus.subscribe("echo", lambda message: message.data)
        ready()
        await asyncio.Event().wait()


async def bus_publish(url):
    async with connect(f"zmq+{url}", serve=True) as bus:
        go = await bus.subscribe("go")
        ready()
        async for request in go:
            await bus.reply(request, b"")
            for _ in range(int(request.data)):
                await bus.publish(SUBJECT, PAYLOAD)


ROLES = {role.__name__: role for role in (raw_echo, raw_asyncio_echo, raw_publish, bus_echo, bus_publish)}

if __name__ == "__main__":
    result = ROLES[sys.argv[1]](*sys.argv[2:])
    if result is not None:
        asyncio.run(result)
