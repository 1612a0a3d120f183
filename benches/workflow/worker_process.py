"""A worker of the catalogue, as a process: `python -m benches.workflow.worker_process URL`.

It says when it is ready, and ends when its input does.
"""

import asyncio
import sys

from messenger.workflow.worker import Worker

from .catalogue import ENTRIES


async def main(url: str) -> None:
    worker = Worker(url, [entry.workflow for entry in ENTRIES])
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_reader(sys.stdin)  # which is readable from now on
        worker.stop()

    loop.add_reader(sys.stdin, end)
    await worker.run(ready=lambda: print("ready", flush=True))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
