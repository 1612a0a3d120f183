"""A worker in a process of its own, whose handlers write down each of their calls before they do anything.

Arguments: the database's URL, the file for the calls, and options of `Worker` as JSON. SIGTERM stops it,
and so does the end of whoever holds its stdin.
"""

import asyncio
import json
import os
import signal
import sys
import time

from messenger.workflow import Retry, Workflow, step
from messenger.workflow.worker import Worker

OFTEN = Retry(max_attempts=1000, base_seconds=0.01, cap_seconds=0.1)
"""Of steps whose workers are killed: that they fail for good is another test's fact."""


class Calls:
    """The file that calls are written to, each with one write, which no signal comes between."""

    descriptor = -1

    @classmethod
    def write(cls, context):
        """Write down the task, the step, the attempt, the process, and when, by the machine's one clock."""
        line = [int(context.task_id), context.step, context.attempt, os.getpid(), time.monotonic_ns()]
        os.write(cls.descriptor, json.dumps(line).encode() + b"\n")


def work(context):
    """Return which attempt this was, and where it ran."""
    Calls.write(context)
    return [context.attempt, os.getpid()]


async def work_awhile(context):
    """Do as `work` does, and let others come between."""
    Calls.write(context)
    await asyncio.sleep(0.005)
    return [context.attempt, os.getpid()]


def hold(context):
    """Say on stdout that this attempt began, and if the input names a pipe for it, end when that does."""
    Calls.write(context)
    os.write(sys.stdout.fileno(), f"began {context.task_id} {context.attempt}\n".encode())
    if gate := context.input.get(str(context.attempt)):
        with open(gate, "rb", buffering=0) as pipe:
            pipe.read(1)
    return [context.attempt, os.getpid()]


def die(context):
    """Take the worker along."""
    Calls.write(context)
    os.kill(os.getpid(), signal.SIGKILL)


def _linear(name, function, **options):
    names = ["first", "second", "third"]
    return Workflow(
        name,
        version="1",
        steps=[
            step(name=each, depends_on=names[:at][-1:], retry=OFTEN, **options)(function)
            for at, each in enumerate(names)
        ],
    )


LINEAR = _linear("linear", work, runs_in="loop")
SLOW = _linear("slow", work_awhile)
HELD = Workflow("held", version="1", steps=[step(name="held", retry=OFTEN)(hold)])
POISON = Workflow(
    "poison", version="1", steps=[step(name="die", retry=Retry(max_attempts=3), runs_in="loop")(die)]
)


async def main(url, calls, options):
    Calls.descriptor = os.open(calls, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    worker = Worker(url, [LINEAR, SLOW, HELD, POISON], **json.loads(options))
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, worker.stop)
    loop.add_reader(sys.stdin.fileno(), os._exit, 1)
    await worker.run(lambda: print("ready", flush=True))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
