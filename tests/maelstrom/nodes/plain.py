"""A node in plain Python: reads lines, writes lines, and knows nothing of the project that tests it."""

import json
import sys
import threading
import time


class Node:
    def __init__(self):
        self.id, self.ids = "", []
        self.handlers = {}
        self._callbacks = {}
        self._msg_id = 0
        self._lock = threading.RLock()

    def on(self, function):
        """Let *function* handle messages of the type that it is named after."""
        self.handlers[function.__name__] = function
        return function

    def send(self, dest, body):
        with self._lock:
            print(json.dumps({"src": self.id, "dest": dest, "body": body}), flush=True)

    def reply(self, request, **body):
        body = {"type": request["body"]["type"] + "_ok", **body}
        self.send(request["src"], {**body, "in_reply_to": request["body"]["msg_id"]})

    def error(self, request, code, text):
        self.reply(request, type="error", code=code, text=text)

    def rpc(self, dest, body, callback):
        with self._lock:
            self._msg_id += 1
            self._callbacks[self._msg_id] = callback
            self.send(dest, {**body, "msg_id": self._msg_id})

    def forward(self, dest, request):
        """Let *dest* answer; what it says goes back as it is."""

        def answer(reply):
            self.send(request["src"], {**reply["body"], "in_reply_to": request["body"]["msg_id"]})

        self.rpc(dest, request["body"], answer)

    def others(self):
        return [node for node in self.ids if node != self.id]

    def every(self, seconds, function):
        """Call *function* again and again, once there has been an init."""

        def repeat():
            while True:
                time.sleep(seconds)
                with self._lock:
                    if self.id:
                        function()

        threading.Thread(target=repeat, daemon=True).start()

    def run(self):
        for line in sys.stdin:
            message = json.loads(line)
            with self._lock:
                self._handle(message)

    def _handle(self, message):
        body = message["body"]
        if body["type"] == "init":
            self.id, self.ids = body["node_id"], body["node_ids"]
            self.reply(message)
        elif "in_reply_to" in body:
            callback = self._callbacks.pop(body["in_reply_to"], None)
            if callback:
                callback(message)
        else:
            self.handlers[body["type"]](message)
