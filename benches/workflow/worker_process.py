"""A worker of the catalogue, as a process: `python -m benches.workflow.worker_process URL`.

It says when it is ready, and ends when its input does.
"""

import asyncio
import sys

import uvloop

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
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as `messenger workflow work` does
        runner.run(main(*sys.argv[1:]))
