"""Says on stderr what is wrong with the input, and does not drown anyone in it."""

import select
from collections import Counter
from traceback import format_exception
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger

_ALL_UP_TO = 10

# A pipe that is not full takes 4096 bytes at least.
_CHARACTERS_MAX = 3000


class Complaints:
    """Logs to `messenger.node`: the first ten complaints of a kind, then the 16th, 32nd, 64th ...

    A peer that sends garbage at full speed would otherwise fill the disk.  What a pipe that nobody
    reads has no room for is left out: waiting would stop the node.
    """

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def warning(self, text: str) -> None:
        """Log *text*, if it is its turn."""
        if (count := self._turn("warning")) and _stderr_has_room():
            _logger().warning("%s%s", text[:_CHARACTERS_MAX], count.rstrip())

    def traceback(self, text: str, error: BaseException) -> None:
        """Log *text* with the traceback of *error*, if it is its turn."""
        if (count := self._turn("traceback")) and _stderr_has_room():
            trace = "".join(format_exception(error)).rstrip()
            _logger().error("%s%s\n%s", text, count.rstrip(), trace[-_CHARACTERS_MAX:])

    def _turn(self, kind: str) -> str:
        """Return what to add to the complaint: nothing to say at all is an empty string."""
        self._seen[kind] += 1
        count = self._seen[kind]
        if count <= _ALL_UP_TO:
            return " "
        return f" ({count} times; fewer of these are shown now)" if count & (count - 1) == 0 else ""


def _stderr_has_room() -> bool:
    try:
        return bool(select.select([], [2], [], 0)[1])
    except OSError:  # it is closed, which logging copes with
        return True


def _logger() -> "Logger":
    import logging  # 10 ms of start-up that a node without complaints does not pay

    return logging.getLogger("messenger.node")
