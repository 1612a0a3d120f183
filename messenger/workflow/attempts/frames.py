"""Frames: messages of any bytes in a stream, each after its length."""

from collections.abc import Iterator
from typing import BinaryIO

MOST_FRAME_BYTES = 64 << 20

_HEADER_BYTES = 8


class BadFrame(ValueError):
    """What came is no frame, or is too long."""


def frame(data: bytes) -> bytes:
    """Return *data* as it goes into the stream.

    Raises:
        BadFrame: it takes more than 64 MiB.
    """
    if len(data) > MOST_FRAME_BYTES:
        raise BadFrame(
            f"it takes {len(data):,} bytes, and {MOST_FRAME_BYTES:,} fit between processes; "
            "return where to find it"
        )
    return len(data).to_bytes(_HEADER_BYTES, "big") + data


def frames(received: bytearray) -> Iterator[bytes]:
    """Take the complete frames out of *received*.

    Raises:
        BadFrame: what is next cannot be one.
    """
    while len(received) >= _HEADER_BYTES:
        end = _HEADER_BYTES + _length(received[:_HEADER_BYTES])
        if len(received) < end:
            return
        data = bytes(received[_HEADER_BYTES:end])
        del received[:end]
        yield data


def read_frame(stream: BinaryIO) -> bytes | None:
    """Wait for the next frame in *stream*; None at its end."""
    header = stream.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES:
        return None
    length = _length(header)
    data = stream.read(length)
    return data if len(data) == length else None


def _length(header: bytes | bytearray) -> int:
    length = int.from_bytes(header, "big")
    if length > MOST_FRAME_BYTES:
        raise BadFrame("something else than frames came through the pipe")
    return length
