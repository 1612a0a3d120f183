"""A Maelstrom node: lines of JSON in, lines of JSON out.

from messenger.node import Body, Node

node = Node()

class Echo(Body):
    echo: str

class EchoOk(Body):
    echo: str

@node.on
def echo(request: Echo) -> EchoOk:
    return EchoOk(request.echo)

node.run()
"""

from typing import TYPE_CHECKING, Any

from .dispatch import dispatch
from .errors import (
    Abort,
    Crash,
    KeyAlreadyExists,
    KeyDoesNotExist,
    MalformedRequest,
    NodeNotFound,
    NotSupported,
    PreconditionFailed,
    RPCError,
    TemporarilyUnavailable,
    Timeout,
    TransactionConflict,
)
from .limits import Limits
from .message import Body, Error, Message
from .node import Node
from .parse import BodyTypes, MalformedMessage, parse, parse_lines
from .serialize import UnserializableMessage, serialize, serialize_lines

if TYPE_CHECKING:
    from .backoff import Backoff, retry
    from .kv import KV, TSO
    from .together import NoQuorum, majority, quorum, rpc_all

__all__ = [
    "KV",
    "TSO",
    "Abort",
    "Backoff",
    "Body",
    "BodyTypes",
    "Crash",
    "Error",
    "KeyAlreadyExists",
    "KeyDoesNotExist",
    "Limits",
    "MalformedMessage",
    "MalformedRequest",
    "Message",
    "NoQuorum",
    "Node",
    "NodeNotFound",
    "NotSupported",
    "PreconditionFailed",
    "RPCError",
    "TemporarilyUnavailable",
    "Timeout",
    "TransactionConflict",
    "UnserializableMessage",
    "dispatch",
    "majority",
    "parse",
    "parse_lines",
    "quorum",
    "retry",
    "rpc_all",
    "serialize",
    "serialize_lines",
]

# What loads asyncio, 15 ms that a node which never waits does not pay.
_LATER = {
    "KV": "kv",
    "TSO": "kv",
    "Backoff": "backoff",
    "retry": "backoff",
    "NoQuorum": "together",
    "majority": "together",
    "quorum": "together",
    "rpc_all": "together",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_LATER[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)  # what is loaded later as well
