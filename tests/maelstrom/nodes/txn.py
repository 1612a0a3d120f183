"""Transactions: n0 does them one after another, the others ask it; an argument says what it does wrong."""

import sys

from plain import Node

node = Node()
values = {}
fault = sys.argv[1] if len(sys.argv) > 1 else ""
done = 0
interrupted = []


@node.on
def txn(request):
    global done
    if node.id != "n0" and fault == "shy":
        node.error(request, 11, "not the leader")
        return
    if node.id != "n0":
        node.forward("n0", request)
        return
    done += 1
    todo = request["body"]["txn"]
    if fault == "dirty" and done % 5 == 0:
        # What it has written before it gives up stays, for all to read.
        run(todo)
        node.error(request, 30, "conflict")
    elif fault == "torn" and len(todo) > 1:
        # Two transactions at a time, half of one, half of the other, and so on.
        interrupted.append((request, todo, run(todo[:1])))
        if len(interrupted) > 1:
            finish()
    else:
        node.reply(request, txn=run(todo))


def run(todo):
    result = []
    for kind, key, value in todo:
        if kind == "append":
            values[key] = [*values.get(key, []), value]
        elif kind == "w":
            values[key] = value
        else:
            value = values.get(key)
        result.append([kind, key, value])
    return result


def finish():
    """Answer the one that waits for company in vain."""
    for begun, rest, result in interrupted:
        node.reply(begun, txn=result + run(rest[1:]))
    interrupted.clear()


if fault == "torn":
    node.every(0.1, finish)
node.run()
