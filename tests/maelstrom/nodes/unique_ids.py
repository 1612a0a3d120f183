"""Unique ids: the node's name and a counter; with `duplicates`, the counter alone."""

import sys

from plain import Node

node = Node()
made = 0


@node.on
def generate(request):
    global made
    made += 1
    node.reply(request, id=made if "duplicates" in sys.argv else f"{node.id}-{made}")


node.run()
