"""Kafka: n0 keeps all logs, the others ask it; with an argument, n0 does what that says."""

import sys

from plain import Node

node = Node()
logs, committed = {}, {}
fault = sys.argv[1] if len(sys.argv) > 1 else ""
sent = 0


def by_n0(handle):
    def forward_or_handle(request):
        if node.id == "n0":
            handle(request, request["body"])
        else:
            node.forward("n0", request)

    node.handlers[handle.__name__] = forward_or_handle


@by_n0
def send(request, body):
    global sent
    sent += 1
    log = logs.setdefault(body["key"], [])
    offset = len(log)
    log.append([offset, body["msg"]])
    if fault == "loses" and sent % 5 == 0:
        log[offset] = None
    if fault == "doubles" and sent % 5 == 0:
        log.append([offset + 1, body["msg"]])
    if fault == "reorders" and sent % 5 == 0 and log[:-1]:
        log[-1][1], log[-2][1] = log[-2][1], log[-1][1]
    node.reply(request, offset=offset)


@by_n0
def poll(request, body):
    msgs = {
        key: [pair for pair in logs.get(key, [])[offset : offset + 20] if pair]
        for key, offset in body["offsets"].items()
    }
    if fault == "backwards":
        msgs = {key: pairs[::-1] for key, pairs in msgs.items()}
    node.reply(request, msgs=msgs)


@by_n0
def commit_offsets(request, body):
    for key, offset in body["offsets"].items():
        committed[key] = max(offset, committed.get(key, 0))
        if fault == "commits-ahead":
            committed[key] = len(logs[key]) + 3
    node.reply(request)


@by_n0
def list_committed_offsets(request, body):
    node.reply(request, offsets={key: committed[key] for key in body["keys"] if key in committed})


node.run()
