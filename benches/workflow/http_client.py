"""HTTP client with as little Python as it can have, and the server process that it talks to."""

import os
import socket
import subprocess
import sys
from contextlib import contextmanager


def request(method, path, body=b""):
    head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


class Connection:
    """One connection that stays open, with as little Python as it can have."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, data):
        self.socket.sendall(data)
        return self.read()

    def read(self):
        """Return the status and the body, which come in one piece, short as they are."""
        head, _, body = self.socket.recv(65536).partition(b"\r\n\r\n")
        assert body.endswith(b"}"), (head, body)
        return head[9:12], body


@contextmanager
def serving(database):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MESSENGER_")}
    command = [sys.executable, "-m", "messenger", "workflow", "serve", "--url", database, "--port", "0"]
    process = subprocess.Popen(command, env=kept, stdout=subprocess.PIPE, text=True)
    try:
        yield int(process.stdout.readline().rpartition(":")[2])
    finally:
        process.terminate()
        process.communicate()
