"""Conversation: how a side hears what to do, and tells what came of it."""

import json
import os
import socket
from typing import Any


class Conversation:
    """Lines of JSON with the conductor; whoever talks in a forked child of a benchmark is not heard."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lines = connection.makefile("r", encoding="utf-8")
        self._owner = os.getpid()

    def say(self, **message: Any) -> None:
        """Tell the conductor."""
        if os.getpid() == self._owner:
            self._connection.sendall(json.dumps(message).encode() + b"\n")

    def hear(self) -> dict[str, Any]:
        """Wait for an order; the process ends when none can come any more."""
        line = self._lines.readline() if os.getpid() == self._owner else ""
        if not line:  # the conductor has gone, or this is a benchmark's own child
            os._exit(0)
        return json.loads(line)  # type: ignore[no-any-return]
