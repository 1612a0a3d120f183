"""Key-value store: asks a service, by default lin-kv; with `replica`, reads come from its own copy."""

import sys

from plain import Node

node = Node()
copy = {}
service = next((name for name in sys.argv[1:] if name.endswith("-kv")), "lin-kv")


def ask_service(request):
    node.forward(service, request)


@node.on
def read(request):
    key = request["body"]["key"]
    if "replica" in sys.argv and key in copy:
        node.reply(request, value=copy[key])
    else:
        ask_service(request)


@node.on
def write(request):
    body = request["body"]
    if "replica" in sys.argv:
        copy[body["key"]] = body["value"]
        for other in node.others():
            node.send(other, {"type": "copy", "key": body["key"], "value": body["value"]})
    ask_service(request)


@node.on
def cas(request):
    ask_service(request)


node.handlers["copy"] = lambda message: copy.update({message["body"]["key"]: message["body"]["value"]})
node.run()
