"""Worker: a part in a process of its own, `python -m messenger.bus.latency.worker TASK`.

It ends when its stdin does: whatever becomes of the parent, nothing is left behind.
"""

import os
import sys
import threading
from io import RawIOBase
from typing import BinaryIO

import msgspec

from .frames import write_report
from .part import Control, Ready, Report, failure
from .roles import Task


def main(task: Task, orders: RawIOBase, reports: BinaryIO) -> None:
    """Play *task* as the lines of *orders* say: the start in ns, then nothing, or an empty line to stop."""
    control = Control(lambda: write_report(reports, Ready()))
    threading.Thread(target=_obey, args=(orders, control), daemon=True).start()
    try:
        write_report(reports, _play(task, control))
    except BrokenPipeError:  # nobody reads on, and nobody would read a traceback
        os._exit(1)


def _play(task: Task, control: Control) -> Report:
    try:
        return task.play(control)
    except Exception as error:
        return failure(error)


def _obey(orders: RawIOBase, control: Control) -> None:
    for line in orders:
        if line.strip():
            control.start(int(line))
        else:
            control.stop()
    os._exit(1)


if __name__ == "__main__":
    # Unbuffered: a buffer has a lock, which the thread that waits for orders would hold to the very end.
    with open(0, "rb", buffering=0) as orders:
        main(msgspec.json.decode(sys.argv[1], type=Task), orders, sys.stdout.buffer)
