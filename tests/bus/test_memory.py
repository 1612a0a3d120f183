"""A publisher that is faster than everybody: memory stays where it is, whatever the transport.

`MESSENGER_SOAK_SECONDS=30` lets it go on for as long as that; one second shows a leak of a message each.
"""

import asyncio
import os
import time

import pytest

from messenger.bus import connect

SECONDS = float(os.environ.get("MESSENGER_SOAK_SECONDS", "1"))
PAYLOAD = bytes(1024)
LIMIT = 1000
BURST = 200
GROWTH_MOST = 48 << 20  # bytes: the limits of a subscription, of its transport and of the allocator together


def resident_bytes():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("on_full", ["block", "drop_oldest", "drop_new"])
def test_a_publisher_that_is_faster_than_its_subscriber_does_not_fill_the_memory(served, on_full):
    received = 0

    async def read_slowly(subscription):
        nonlocal received
        async for _ in subscription:
            received += 1
            if received % 10 == 0:
                await asyncio.sleep(0.001)

    async def main():
        lost = []
        async with connect(served, on_error=lost.append) as reader, connect(served) as bus:
            subscription = await reader.subscribe("flood", limit=LIMIT, on_full=on_full)
            reading = asyncio.create_task(read_slowly(subscription))
            sent = 0

            async def send(count):
                nonlocal sent
                for _ in range(count // BURST):
                    await bus.publish_many("flood", [PAYLOAD] * BURST)
                    await asyncio.sleep(0)
                    sent += BURST

            # Until all is full that may fill up; in process that is the subscription.
            await send(2 * LIMIT if served.startswith("inproc") else 100_000)
            at_start, ends = resident_bytes(), time.monotonic() + SECONDS
            while time.monotonic() < ends:
                await send(BURST)
            grown = resident_bytes() - at_start
            reading.cancel()
            return sent, grown, subscription.dropped

    sent, grown, dropped = asyncio.run(main())

    assert grown < GROWTH_MOST, f"{grown / 1e6:.0f} MB more for {sent} messages"
    assert received > 0
    assert dropped > 0 or (on_full == "block" and served.startswith("inproc"))
