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

from .dispatch import dispatch
from .message import Body, Error, Message
from .node import Limits, Node
from .parse import BodyTypes, MalformedMessage, parse, parse_lines
from .serialize import UnserializableMessage, serialize, serialize_lines

__all__ = [
    "Body",
    "BodyTypes",
    "Error",
    "Limits",
    "MalformedMessage",
    "Message",
    "Node",
    "UnserializableMessage",
    "dispatch",
    "parse",
    "parse_lines",
    "serialize",
    "serialize_lines",
]
