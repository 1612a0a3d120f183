"""Room: how many requests are answered at once."""

from types import TracebackType

from .refusal import later


class Room:
    """Lets in *most* at once; `with` enters and leaves."""

    def __init__(self, most: int, what: str) -> None:
        self.taken = 0
        self._most = most
        self._what = what

    def __enter__(self) -> None:
        if self.taken >= self._most:
            raise later(
                429, "busy", f"{self.taken} {self._what} are in flight, which is all there is room for"
            )
        self.taken += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.taken -= 1
