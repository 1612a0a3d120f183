"""Logs: what a node says of itself, on stderr, with its name."""

import logging
import os
import sys
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .node import Node

_FORMAT = "%(asctime)s %(levelname)s %(message)s"


class _Named(logging.LoggerAdapter[logging.Logger]):
    def __init__(self, node: "Node") -> None:
        super().__init__(logging.getLogger("messenger.node"), {})
        self._node = node

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        return f"{self._node.node_id or '(no init yet)'}: {msg}", kwargs


def logger_of(node: "Node") -> "logging.LoggerAdapter[logging.Logger]":
    """Return the logger of *node*.

    Where the program has not set logging up, it goes to stderr, from the level in MESSENGER_LOG on: debug,
    info (the default), warning or error.
    """
    if not logging.getLogger().handlers:
        level = os.environ.get("MESSENGER_LOG", "info").upper()
        known = level if level in logging.getLevelNamesMapping() else "INFO"
        logging.basicConfig(stream=sys.stderr, level=known, format=_FORMAT)
    return _Named(node)
