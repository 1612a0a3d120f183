"""Side: the conductor's end of a conversation with one side of a pair."""

import json
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from ..error import GateError

_LOG_TAIL = 4000
# pytest's exit codes of an internal error, and of a conftest or an option that is wrong
_COULD_NOT_RUN = (3, 4)


class Trouble(msgspec.Struct, frozen=True):
    """A benchmark, or a file of them, that one side could not time: failed, skipped, crashed or hung."""

    name: str
    side: str
    outcome: str
    text: str


class SideLost(Exception):
    """A side has died or fallen silent."""

    def __init__(self, side: "Side", how: str) -> None:
        self.side, self.how = side, how


class Ended(Exception):
    """A benchmark ended on one side while its next slice was awaited; the side has noted why, and goes on."""


class Side:
    """What one side has told, and a way to order what it does next; see `arm` for the other end."""

    def __init__(self, name: str, log: Path, timeout_seconds: float) -> None:
        self.name = name
        self.log = log
        self.connection, self.theirs = socket.socketpair()
        self.connection.settimeout(timeout_seconds)
        self._lines = self.connection.makefile("r", encoding="utf-8")
        self.collected: dict[str, dict[str, str]] = {}
        self.shared: list[str] = []
        self.strangers: list[str] = []
        self.troubles: list[Trouble] = []
        self.ready = ""
        self.ended: set[str] = set()
        self.finished = False
        self.code = 0

    def ask(self, **order: Any) -> dict[str, Any]:
        """Give an order and wait for what comes of it.

        Raises:
            SideLost: nobody is there to answer.
            Ended: the benchmark failed, as one does that fails in its hundredth call.
        """
        self.tell(**order)
        event = self.hear()
        if "ended" in event:
            self._note(event)
            raise Ended
        return event

    def tell(self, **order: Any) -> None:
        """Give an order.

        Raises:
            SideLost: nobody is there to hear it.
        """
        try:
            self.connection.sendall(json.dumps(order).encode() + b"\n")
        except OSError as error:
            raise SideLost(self, "crashed") from error

    def hear(self) -> dict[str, Any]:
        """Wait for what the side has to say.

        Raises:
            SideLost: it has died, or was silent for too long.
        """
        event = self._listen()
        if "died" in event:
            raise SideLost(self, f"crashed ({event['died']})")
        return event

    def _listen(self) -> dict[str, Any]:
        try:
            while (line := self._lines.readline()) == "\n":
                pass
        except TimeoutError as error:
            raise SideLost(self, f"hung for {self.connection.gettimeout():g} s") from error
        except OSError as error:
            raise SideLost(self, "crashed") from error
        try:
            return json.loads(line)  # type: ignore[no-any-return]
        except ValueError as error:  # half a line, or none
            raise SideLost(self, "crashed") from error

    def advance_until(self, arrived: Callable[["Side"], object]) -> None:
        """Listen until the side has arrived or finished."""
        while not self.finished and not arrived(self):
            self._note(self.hear())

    def collect(self) -> None:
        """Listen until the side has told its benchmarks."""
        self.advance_until(lambda side: bool(side.collected))
        if self.code in _COULD_NOT_RUN:
            raise GateError(f"pytest could not run on the {self.name} side:\n{self.output()}", 3)

    def advance_to(self, name: str) -> None:
        """Listen until benchmark *name* is ready or over, "" being the end; leave what only this side has."""
        while True:
            self.advance_until(lambda side: side.ready or name in side.ended)
            if self.ready in ("", name):
                return
            self.leave()

    def leave(self) -> None:
        """Let the side go on to its next benchmark."""
        self.tell(do="leave")
        self.ready = ""

    def _note(self, event: dict[str, Any]) -> None:
        if "collected" in event:
            self.collected = event["collected"]
        elif "uncollected" in event:
            self.troubles.append(Trouble(event["uncollected"], self.name, "failed", event["text"]))
        elif "ready" in event:
            self.ready = event["ready"]
        elif "ended" in event:
            self.ready = ""
            self.ended.add(event["ended"])
            if event["outcome"] != "passed":
                self.troubles.append(Trouble(event["ended"], self.name, event["outcome"], event["text"]))
        elif "finished" in event:
            self.finished, self.code = True, event["finished"]
            self.shared, self.strangers = event["shared"], event["strangers"]

    def end(self) -> None:
        """Wait a moment until the side, which has been killed, is gone; nobody else would."""
        self.connection.settimeout(1.0)
        with suppress(OSError), self.connection:
            while self.connection.recv(4096):
                pass

    def output(self) -> str:
        """Return the end of what the side has printed."""
        return (
            self.log.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL:] if self.log.exists() else ""
        )
