"""Broadcast: tells neighbours until they acknowledge; with `lossy`, tells them once and hopes."""

import sys

from plain import Node

node = Node()
neighbours = []
known = set()
untold = {}


@node.on
def topology(request):
    neighbours[:] = request["body"]["topology"][node.id]
    untold.update({neighbour: set() for neighbour in neighbours})
    node.reply(request)


@node.on
def broadcast(request):
    learn(request["body"]["message"], None)
    node.reply(request)


@node.on
def read(request):
    node.reply(request, messages=sorted(known))


@node.on
def gossip(request):
    for message in request["body"]["messages"]:
        learn(message, request["src"])
    node.reply(request)


def learn(message, source):
    if message in known:
        return
    known.add(message)
    for neighbour in neighbours:
        if neighbour != source:
            untold[neighbour].add(message)
            tell(neighbour, {message})


def tell(neighbour, messages):
    messages = set(messages)

    def acknowledged(reply):
        untold[neighbour] -= messages

    node.rpc(neighbour, {"type": "gossip", "messages": sorted(messages)}, acknowledged)


def tell_again():
    for neighbour, messages in untold.items():
        if messages:
            tell(neighbour, messages)


if "lossy" not in sys.argv:
    node.every(0.1, tell_again)
node.run()
