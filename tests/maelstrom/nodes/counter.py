"""Counter: each node's own sum, merged by who knows more; with `double`, every fifth delta counts twice."""

import sys

from plain import Node

node = Node()
ups, downs = {}, {}
told = 0


@node.on
def add(request):
    global told
    delta = request["body"]["delta"]
    part = ups if delta > 0 else downs
    part[node.id] = part.get(node.id, 0) + abs(delta)
    if "double" in sys.argv and told % 5 == 0:
        part[node.id] += abs(delta)
    told += 1
    node.reply(request)


@node.on
def read(request):
    node.reply(request, value=sum(ups.values()) - sum(downs.values()))


@node.on
def merge(request):
    for mine, theirs in ((ups, request["body"]["ups"]), (downs, request["body"]["downs"])):
        for one, value in theirs.items():
            mine[one] = max(mine.get(one, 0), value)


def gossip():
    for other in node.others():
        node.send(other, {"type": "merge", "ups": ups, "downs": downs})


node.every(0.1, gossip)
node.run()
