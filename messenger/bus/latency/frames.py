"""Frames: reports on a pipe from a part's process to its parent, each behind its length."""

from typing import IO

import msgspec

from .part import Report

_LENGTH_BYTES = 4

_decoder = msgspec.msgpack.Decoder(Report)


def write_report(pipe: IO[bytes], report: Report) -> None:
    """Send *report* at once."""
    data = msgspec.msgpack.encode(report)
    pipe.write(len(data).to_bytes(_LENGTH_BYTES, "big") + data)
    pipe.flush()


def read_report(pipe: IO[bytes]) -> Report | None:
    """Wait for the next report on a buffered *pipe*; None when the process ended without one."""
    size = int.from_bytes(pipe.read(_LENGTH_BYTES), "big")
    data = pipe.read(size)
    return _decoder.decode(data) if size and len(data) == size else None
