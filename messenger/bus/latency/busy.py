"""Busy: threads that hold the GIL beside those who are measured, as any computation in Python does."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def busy_beside(threads: int, switch_interval_seconds: float | None) -> Iterator[None]:
    """Keep so many threads computing; whoever waits for the GIL gets it after that time, else after 5 ms."""
    over = False

    def compute() -> None:
        number = 0
        while not over:
            number += 1

    before = sys.getswitchinterval()
    if switch_interval_seconds is not None:
        sys.setswitchinterval(switch_interval_seconds)
    computing = [threading.Thread(target=compute, name="busy", daemon=True) for _ in range(threads)]
    for thread in computing:
        thread.start()
    try:
        yield
    finally:
        over = True
        for thread in computing:
            thread.join()
        if switch_interval_seconds is not None:
            sys.setswitchinterval(before)
