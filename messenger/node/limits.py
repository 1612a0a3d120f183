"""Limits: what a node lets others cost it."""

from msgspec import Struct


class Limits(Struct, frozen=True):
    """What a node lets others cost it.

    max_in_flight: requests whose handlers wait. Above it stdin is not read until half are answered; or, where
        handlers wait for replies, which come by stdin as well, requests are refused with error 11.
    max_line_bytes: a longer line is dropped with a complaint.
    drain_seconds: how long after SIGTERM or SIGINT requests may take to be answered.
    threads: how many blocking handlers run at once.
    """

    max_in_flight: int = 10_000
    max_line_bytes: int = 64 << 20
    drain_seconds: float = 10.0
    threads: int = 32

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not (value := getattr(self, name)) > 0:
                raise ValueError(f"{name} is {value}; it must be more than 0")
