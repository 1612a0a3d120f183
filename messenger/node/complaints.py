"""Says on stderr what is wrong with the input, and does not drown anyone in it."""

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger

_ALL_UP_TO = 10


class Complaints:
    """Logs to `messenger.node`: the first ten complaints of a kind, then the 16th, 32nd, 64th ...

    A peer that sends garbage at full speed would otherwise fill the disk, or stop the node behind a
    pipe that nobody reads.
    """

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def warning(self, text: str) -> None:
        """Log *text*, if it is its turn."""
        if count := self._turn("warning"):
            _logger().warning("%s%s", text, count)

    def traceback(self, text: str, error: BaseException) -> None:
        """Log *text* with the traceback of *error*, if it is its turn."""
        if count := self._turn("traceback"):
            _logger().error("%s%s", text, count, exc_info=error)

    def _turn(self, kind: str) -> str:
        """Return what to add to the complaint: nothing to say at all is an empty string."""
        self._seen[kind] += 1
        count = self._seen[kind]
        if count <= _ALL_UP_TO:
            return " "
        return f" ({count} times; fewer of these are shown now)" if count & (count - 1) == 0 else ""


def _logger() -> "Logger":
    import logging  # 10 ms of start-up that a node without complaints does not pay

    return logging.getLogger("messenger.node")
