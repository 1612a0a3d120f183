"""A durable subscriber in a process of its own: writes the id of each message, then acknowledges it."""

import asyncio
import sys

from messenger.bus import Durable, connect


async def main(url):
    durable = Durable(name="work", ack_wait_seconds=1.0)
    async with connect(url) as bus:
        subscription = await bus.subscribe("orders.>", durable=durable, limit=50)
        print("ready", flush=True)
        async for message in subscription:
            print(message.headers["id"], flush=True)
            await bus.ack(message)


asyncio.run(main(sys.argv[1]))
