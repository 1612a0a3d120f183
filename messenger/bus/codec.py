"""Codec: typed messages as bytes, and back; MessagePack unless JSON is asked for."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from .errors import Malformed, TooLarge
from .message import LARGEST_BYTES, LARGEST_HEADERS

_BYTES = (bytes, bytearray, memoryview)

Format = Literal["msgpack", "json"]


def encoder(format: Format) -> Callable[[object], bytes]:
    """Return what turns a message into bytes, and leaves bytes as they are.

    Raises, when called:
        TypeError: it is nothing that msgspec can encode.
        TooLarge: it takes more than 1 MiB.
    """
    encode = msgspec.msgpack.Encoder().encode if format == "msgpack" else msgspec.json.Encoder().encode

    def to_bytes(message: object) -> bytes:
        data = bytes(message) if isinstance(message, _BYTES) else encode(message)
        if len(data) > LARGEST_BYTES:
            raise TooLarge(
                f"a message has {LARGEST_BYTES} bytes at most, and this one {len(data)}; "
                "send where to find it"
            )
        return data

    return to_bytes


def check_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return a copy of *headers*.

    Raises:
        TypeError: they are not text.
        TooLarge: they take more than 32 KiB.
    """
    for name, value in headers.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"headers are text, and {name!r}: {value!r} is not")
        if not (name.isascii() and value.isascii()):
            _check_text(name, value)
    if (size := sum(map(len, (*headers.keys(), *headers.values())))) > LARGEST_HEADERS:
        raise TooLarge(f"headers have {LARGEST_HEADERS} characters at most, and these {size}")
    return dict(headers)


def _check_text(name: str, value: str) -> None:
    """Refuse half a surrogate pair here: where others wait to leave too, it would take them with it."""
    try:
        (name + value).encode()
    except UnicodeEncodeError:
        raise TypeError(f"headers are text, and {name!r}: {value!r} cannot be encoded") from None


def decoder(type: Any, format: Format) -> Callable[[str, bytes], Any]:
    """Return what turns the data of a subject into *type*.

    Raises, when called:
        Malformed: the data does not fit.
    """
    decode = (
        msgspec.msgpack.Decoder(type).decode if format == "msgpack" else msgspec.json.Decoder(type).decode
    )

    def to_value(subject: str, data: bytes) -> Any:
        try:
            return decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Malformed(
                f"a message to {subject!r} is no {type!r}: {error}; it starts {data[:40]!r}"
            ) from error

    return to_value
