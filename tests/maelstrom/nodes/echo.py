"""Echo, and all the ways in which a node may misbehave whatever it is asked."""

import json
import os
import sys
import time

from plain import Node

node = Node()
fault = sys.argv[1] if len(sys.argv) > 1 else ""
echoed = 0


@node.on
def echo(request):
    global echoed
    echoed += 1
    if echoed == 3:
        misbehave(request)
    node.reply(request, echo=request["body"]["echo"] if fault != "different" else "hello?")


def misbehave(request):
    if fault == "garbage":
        print("debug: got here", flush=True)
    if fault == "stranger":
        node.send("n99", {"type": "hello"})
    if fault == "forger":
        print(json.dumps({"src": "n7", "dest": request["src"], "body": {"type": "hello"}}), flush=True)
    if fault == "quitter":
        sys.exit("I have had enough")
    if fault == "mistyped":
        node.send(request["src"], {"type": "ehco_ok", "in_reply_to": request["body"]["msg_id"]})
    if fault == "half-a-line":
        print('{"src": "n0"', end="", flush=True)
        os._exit(0)


if fault == "stubborn":
    # It hears neither the end of its input nor SIGTERM, nor does its child.  Both hold a pipe open.
    import signal
    import subprocess

    hold = "import sys, time; pipe = open(sys.argv[1], 'w'); pipe.write('c'); pipe.flush(); time.sleep(600)"
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    subprocess.Popen([sys.executable, "-c", hold, sys.argv[2]])
    pipe = os.open(sys.argv[2], os.O_WRONLY)
    node.run()
    while True:
        time.sleep(600)
else:
    node.run()
