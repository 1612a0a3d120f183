"""Counter: the instructions that a call executes, as the processor or valgrind counts them.

Time tells what a change costs, instructions tell
whether it is the code that does more, or its memory layout and its waiting that changed.
"""

import ctypes
import mmap
import os
import platform
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Protocol

_PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241}
# linux/perf_event.h: type hardware, config instructions; disabled, inherit, exclude_kernel, exclude_hv
_HARDWARE, _INSTRUCTIONS, _FLAGS = 0, 1, 0b1100011
_ENABLE, _DISABLE, _RESET = 0x2400, 0x2401, 0x2403

# valgrind.h: on x86-64 four rotations that together do nothing, and an exchange of rbx with itself, ask
# valgrind for something; the address of six words is in rax, the answer in rdx.
_REQUEST = bytes.fromhex("4889f8 4889f2 48c1c703 48c1c70d 48c1c73d 48c1c733 4887db 4889d0 c3")
_RUNNING_ON_VALGRIND = 0x1001
_CALLGRIND = 0x43540000  # 'C', 'T'; what follows it stands in callgrind.h
_ZERO, _DUMP_AT, _START = _CALLGRIND + 1, _CALLGRIND + 3, _CALLGRIND + 4


class Counter(Protocol):
    """What counts instructions."""

    @property
    def overhead(self) -> int:
        """What `count` finds where nothing is done."""

    def count(self, work: Callable[[], Any]) -> int:
        """Return the instructions of one call of *work*."""


class Perf:
    """The processor's own count of this thread's instructions, and of the threads that it starts."""

    def __init__(self) -> None:
        """Open the counter.

        Raises:
            OSError: there is none, or it is not for us.
        """
        attributes = struct.pack("=IIQQQQQ", _HARDWARE, 112, _INSTRUCTIONS, 0, 0, 0, _FLAGS).ljust(112, b"\0")
        number = _PERF_EVENT_OPEN.get(platform.machine())
        if number is None:
            raise OSError(f"instructions cannot be counted on {platform.machine()}")
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.syscall(number, attributes, 0, -1, -1, 0)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "no performance counter")
        self.overhead = min(self.count(_nothing) for _ in range(3))

    def count(self, work: Callable[[], Any]) -> int:
        """Return the instructions of one call of *work*."""
        from fcntl import ioctl

        ioctl(self._fd, _RESET, 0)
        ioctl(self._fd, _ENABLE, 0)
        work()
        ioctl(self._fd, _DISABLE, 0)
        return int(struct.unpack("=Q", os.read(self._fd, 8))[0])


class Callgrind:
    """The count of the valgrind that this process runs on, started with --instr-atstart=no."""

    def __init__(self, folder: Path) -> None:
        """Find valgrind, which writes to *folder*.

        Raises:
            OSError: this process does not run on it.
        """
        self._folder = folder
        self._page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        self._page.write(_REQUEST)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._page))
        self._call = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t)(address)
        self._dumps = 0
        if not self._ask(_RUNNING_ON_VALGRIND):
            raise OSError("not running on valgrind")
        self._ask(_START)  # for good: each time, valgrind translates all code anew, which takes a second
        self.overhead = min(self.count(_nothing) for _ in range(3))

    def count(self, work: Callable[[], Any]) -> int:
        """Return the instructions of one call of *work*."""
        self._dumps += 1
        name = ctypes.create_string_buffer(f"messenger {self._dumps}".encode())
        self._ask(_ZERO)
        work()
        self._ask(_DUMP_AT, ctypes.addressof(name))
        dump = self._folder / f"{os.getpid()}.{self._dumps}"
        totals = next(line for line in dump.read_text().splitlines() if line.startswith("totals:"))
        return int(totals.split()[1])

    def _ask(self, request: int, argument: int = 0) -> int:
        words = (ctypes.c_size_t * 6)(request, argument)
        return int(self._call(ctypes.addressof(words), 0))


def _nothing() -> None:
    pass


@cache
def open_counter(kind: str, folder: str) -> Counter:
    """Open the counter called *kind*, "perf" or "callgrind", once: valgrind numbers what it writes.

    Raises:
        OSError: it cannot be had here.
    """
    return Perf() if kind == "perf" else Callgrind(Path(folder))
