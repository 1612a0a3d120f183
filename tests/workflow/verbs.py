"""What the tests of the verbs share: modules with workflows, and processes that run a verb."""

import os
import select
import subprocess
import sys
import threading

ORDERS = """
from messenger.workflow import Context, Retry, Workflow, step

@step
def reserve(context: Context):
    return {"items": context.input["items"]}

@step(depends_on=[reserve], retry=Retry(max_attempts=2, base_seconds=0.01))
async def charge(context: Context):
    if not context.results["reserve"]["items"]:
        raise ValueError("nothing to pay\\nfor")
    return len(context.results["reserve"]["items"])

orders = Workflow("orders", version="1", steps=[reserve, charge], input_schema={"type": "object"})
"""
WAITS = """
import sys
import threading
from messenger.workflow import Workflow, step

@step
def wait(context):
    print("begun", flush=True)
    return open(context.input).read()  # a FIFO, until somebody writes to it

waits = Workflow("waits", version="1", steps=[wait])
"""
LOADS = """
from messenger.workflow import CursorRange, Retry, Workflow, batch, step

@batch(worker="load", convergence="total")
def split(context):
    return [CursorRange(start, start + 1) for start in range(12)]

@step(depends_on=[split], retry=Retry(max_attempts=1), runs_in="loop")
def load(context):
    if context.cursor_range.start % 5 == 0:
        raise ValueError("no such row")
    return 1

@step(depends_on=[load], runs_in="loop")
def total(context):
    return sum(context.results["load"])

loads = Workflow("loads", version="1", steps=[split, load, total])
"""


def start(*argv, stdout=subprocess.PIPE, **environment):
    """Start `messenger workflow ...` with no other settings of ours than *environment*."""
    return subprocess.Popen(
        [sys.executable, "-m", "messenger", "workflow", *argv],
        env=_without_ours() | {name: str(value) for name, value in environment.items()},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(process, words):
    """Read what *process* says on stderr, up to a line with *words*."""
    lines = []
    guard = threading.Timer(60, process.kill)
    guard.start()
    try:
        while line := process.stderr.readline():
            lines.append(line)
            if words in line:
                return "".join(lines)
    finally:
        guard.cancel()
    raise AssertionError(f"it ended without saying {words!r}, but:\n{''.join(lines)}")


def run(*argv, **environment):
    """Run it to its end; return its exit status, stdout and stderr."""
    process = start(*argv, **environment)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def on_a_terminal(*argv, at_first=lambda: None, **environment):
    """Run it with a terminal as its stdout; return its exit status, what the terminal got, and stderr.

    *at_first* is called when the terminal has got something.
    """
    ours, theirs = os.openpty()
    try:
        process = start(*argv, stdout=theirs, **({"TERM": "xterm", "COLUMNS": 80} | environment))
    finally:
        os.close(theirs)
    shown = b""
    try:
        while select.select([ours], [], [], 60)[0] and (got := os.read(ours, 65536)):
            if not shown:
                at_first()
            shown += got
    except OSError:  # nobody has it open any more
        pass
    finally:
        os.close(ours)
    _, err = process.communicate(timeout=60)
    return process.returncode, shown.decode(), err


def _without_ours():
    unset = ("COLUMNS", "LINES", "NO_COLOR")
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("MESSENGER_") and name not in unset
    }
