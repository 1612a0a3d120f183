"""One server for several processes, whichever of them is first to come or to go."""

import select
import subprocess
import sys

import psycopg
import pytest

from messenger.workflow.postgres.shared_server import SharedServer

from .processes import processes_in

JOIN = """
import logging, sys
from messenger.workflow.postgres.shared_server import SharedServer
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
with SharedServer(sys.argv[1]) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def join(folder):
    """Start a process that shares the folder's server; it is killed in the end."""
    processes = []

    def join():
        process = subprocess.Popen(
            [sys.executable, "-c", JOIN, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        return process, process.stdout.readline().strip()

    yield join
    for process in processes:
        process.kill()
        process.communicate()


def test_who_is_left_runs_the_server(folder, join):
    """A worker that had joined the server of a short command would be left with nothing."""
    with SharedServer(folder) as first:
        process, url = join()
        assert url == first.url

    assert process.stdout.readline() == "the process that ran the server has ended; this one runs it now\n"
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    process.communicate()
    assert processes_in(folder) == []


def test_of_several_that_are_left_one_runs_it(folder, join):
    """The others go on with the one that was quicker, and inherit from it in turn."""
    with SharedServer(folder):
        heirs = [join()[0] for _ in range(2)]
    ready, _, _ = select.select([heir.stdout for heir in heirs], [], [], 30)
    first, last = sorted(heirs, key=lambda heir: heir.stdout not in ready)

    first.communicate()

    assert "this one runs it now" in last.stdout.readline()


def test_a_server_that_was_killed_is_run_again_by_who_had_joined(folder, join):
    """Nobody said goodbye."""
    starter, url = join()
    with SharedServer(folder) as server:
        starter.kill()
        starter.wait()
        heir, _ = join()

        assert (server.url, heir.poll()) == (url, None)
