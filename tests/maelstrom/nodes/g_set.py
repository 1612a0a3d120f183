"""Grow-only set: everyone tells everyone all they know; with `forgetful`, they keep the ten newest."""

import sys

from plain import Node

node = Node()
elements = set()


@node.on
def add(request):
    elements.add(request["body"]["element"])
    if "forgetful" in sys.argv and len(elements) > 10:
        elements.remove(min(elements))
    node.reply(request)


@node.on
def read(request):
    node.reply(request, value=sorted(elements))


@node.on
def merge(request):
    elements.update(request["body"]["elements"])
    while "forgetful" in sys.argv and len(elements) > 10:
        elements.remove(min(elements))


def gossip():
    for other in node.others():
        node.send(other, {"type": "merge", "elements": sorted(elements)})


node.every(0.1, gossip)
node.run()
