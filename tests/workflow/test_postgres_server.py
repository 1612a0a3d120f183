"""The embedded PostgreSQL: there when it is needed, open to nobody else, and never left behind."""

import os
import pwd
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from messenger.workflow.postgres.data_folder import NotInitialised
from messenger.workflow.postgres.owner import Unreachable
from messenger.workflow.postgres.postgres_server import (
    AlreadyRunning,
    PortTaken,
    PostgresServer,
    ServerFailed,
)
from messenger.workflow.postgres.programs import ProgramsMissing

from .processes import addresses_of, processes_in, uids_of, wait_for_ends

HOLD = """
import sys
from messenger.workflow.postgres.postgres_server import PostgresServer
with PostgresServer(folder=sys.argv[1]) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""

COMPUTE = "DO $$ BEGIN RAISE NOTICE 'computing'; LOOP END LOOP; END $$"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root cannot run PostgreSQL as itself")


def execute(url, statement):
    with psycopg.connect(url) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else None


def end_with_server(connection, statement):
    with suppress(psycopg.OperationalError), connection:
        connection.execute(statement)


def hand_over(folder):
    """Make *folder* what a server has used before: its user's."""
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)


def hold(folder):
    """Start a process that holds a server in *folder*, and return it when the server is ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline().startswith("postgresql://")
    return process


def test_it_ends_with_the_block_and_leaves_nothing(template):
    server = PostgresServer(template=template)
    with suppress(KeyError), server:
        processes = processes_in(server.folder)
        assert server.pid in processes
        raise KeyError

    assert processes_in(server.folder) == []
    assert not server.folder.exists()


def test_it_ends_while_somebody_is_connected(server):
    """A client that sits idle in a transaction must not hold it up."""
    with psycopg.connect(server.url) as connection:
        connection.execute("SELECT 1")

        server.stop()

        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert processes_in(server.folder) == []


def test_it_ends_with_a_process_that_is_killed(folder):
    """Nobody is left who could stop it."""
    process = hold(folder)
    processes = processes_in(folder)

    process.kill()
    process.communicate()

    assert processes
    wait_for_ends(processes)
    assert list((folder / "socket").iterdir()) == []


def test_what_is_committed_survives_a_crash(server):
    """And what is not committed does not."""
    execute(server.url, "CREATE TABLE kept (id integer)")
    execute(server.url, "INSERT INTO kept VALUES (1)")
    with psycopg.connect(server.url) as connection, suppress(psycopg.OperationalError):
        connection.execute("INSERT INTO kept VALUES (2)")
        server.kill()
        assert processes_in(server.folder) == []
        connection.commit()

    server.start()

    assert execute(server.url, "SELECT id FROM kept") == [(1,)]
    assert "database system was not properly shut down" in server.log


@pytest.mark.parametrize("beheaded", [False, True], ids=["whole", "beheaded"])
def test_a_crash_ends_a_query_that_is_busy(server, beheaded):
    """A backend that computes does not look whether its server still lives."""
    computing = threading.Event()
    connection = psycopg.connect(server.url, autocommit=True)
    connection.add_notice_handler(lambda notice: computing.set())
    client = threading.Thread(target=end_with_server, args=(connection, COMPUTE))
    client.start()
    assert computing.wait(20)

    if beheaded:
        os.kill(server.pid, signal.SIGKILL)
    server.kill()

    client.join()
    assert processes_in(server.folder) == []


def test_a_restart_is_found_where_it_was(server):
    """Clients connect again to the URL that they know."""
    before = (server.url, server.tcp_url)

    server.kill()
    server.start()

    assert (server.url, server.tcp_url) == before
    assert execute(server.tcp_url, "SELECT 1") == [(1,)]


def test_a_folder_that_is_given_is_kept(place):
    with PostgresServer(folder=place) as server:
        execute(server.url, "CREATE TABLE kept (id integer)")

    with PostgresServer(folder=place) as server:
        assert execute(server.url, "SELECT count(*) FROM kept") == [(0,)]


def test_what_is_committed_is_on_disk_unless_asked_otherwise(folder):
    """Published numbers pay for it."""
    shown = "SELECT current_setting('fsync'), current_setting('synchronous_commit')"

    with PostgresServer(folder=folder) as server:
        assert execute(server.url, shown) == [("on", "on")]
    with PostgresServer(folder=folder, settings={"synchronous_commit": "off"}) as server:
        assert execute(server.url, shown) == [("on", "off")]


def test_text_is_utf8_and_ordered_alike_on_every_machine(server):
    assert (
        execute(server.url, "SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database")
        == [("UTF8", "C")] * 3
    )


def test_it_listens_on_no_port_unless_asked(folder):
    with PostgresServer(folder=folder, settings={"listen_addresses": "*"}) as server:
        assert addresses_of(server.pid) == []


def test_it_listens_on_loopback_only_and_asks_for_a_password(server):
    assert addresses_of(server.pid) == [("0100007F", f"{server.port:04X}")]
    assert execute(server.tcp_url, "SELECT 1") == [(1,)]
    for password in ("", "wrong"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(server.tcp_url, password=password)


def test_the_password_is_in_no_log_no_file_and_no_command_line(folder):
    settings = {"log_statement": "all", "log_min_messages": "debug1", "log_connections": "on"}
    with PostgresServer(folder=folder, port=0, settings=settings) as server:
        execute(server.tcp_url, "SELECT 1")
        password = psycopg.conninfo.conninfo_to_dict(server.tcp_url)["password"]

        places = [path.read_bytes() for path in server.folder.rglob("*") if path.is_file()]
        places += [Path(f"/proc/{server.pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
        places += [server.log.encode(), repr(server).encode()]

    assert "ALTER ROLE" in places[-2].decode()
    assert not any(password.encode() in place for place in places)


def test_others_cannot_enter_its_folders(server):
    """Who reaches the socket needs no password."""
    [bound] = server.folder.glob("socket/.s.PGSQL.*[0-9]")

    paths = [server.folder, server.folder / "data", bound.parent, bound]

    assert {path.stat().st_mode & 0o777 for path in paths} == {0o700}


def test_a_folder_with_a_long_path_has_its_socket_elsewhere(place, template):
    """The path of a socket has 107 characters at most."""
    with PostgresServer(folder=place / ("long" * 30), template=template) as server:
        assert execute(server.url, "SELECT 1") == [(1,)]
        [listening] = Path(server._socket_folder).glob(".s.PGSQL.*[0-9]")

    assert not listening.parent.exists()


def test_a_folder_with_odd_letters_does(place, template):
    with PostgresServer(folder=place / 'it\'s, "ä" 100%', template=template) as server:
        assert execute(server.url, "SELECT 1") == [(1,)]


def test_what_another_process_serves_is_not_served_twice(folder):
    process = hold(folder)

    with pytest.raises(AlreadyRunning, match=r"served by process \d+; use that") as caught:
        PostgresServer(folder=folder).start()

    assert execute(caught.value.url, "SELECT 1") == [(1,)]
    process.communicate()
    assert process.returncode == 0


def test_starting_it_twice_does_no_harm(server):
    with pytest.raises(AlreadyRunning):
        server.start()

    assert execute(server.url, "SELECT 1") == [(1,)]


def test_a_start_waits_for_a_server_that_is_about_to_end(folder):
    """As happens when a worker is killed and started again at once."""
    process = hold(folder)
    process.kill()
    process.communicate()

    with PostgresServer(folder=folder) as server:
        assert execute(server.url, "SELECT 1") == [(1,)]


def test_a_start_that_was_interrupted_is_begun_again(place):
    """Half of a data folder must not pass for one."""
    (place / "data.unfinished").mkdir()
    (place / "data.unfinished" / "PG_VERSION").write_text("18\n")
    hand_over(place)

    with PostgresServer(folder=place) as server:
        assert execute(server.url, "SELECT 1") == [(1,)]


def test_why_it_did_not_start_is_told(folder):
    with (
        pytest.raises(ServerFailed, match=r'said:\n.*invalid value for parameter "max_connections": "many"'),
        PostgresServer(folder=folder, settings={"max_connections": "many"}),
    ):
        pass


def test_a_port_that_is_taken_is_told(folder):
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(PortTaken, match="Address already in use"),
        PostgresServer(folder=folder, port=taken.getsockname()[1]),
    ):
        pass


def test_data_of_a_version_that_is_not_installed_is_told(place):
    (place / "data").mkdir()
    (place / "data" / "PG_VERSION").write_text("9\n")
    hand_over(place)

    with pytest.raises(ProgramsMissing, match="written by PostgreSQL 9, but installed is"):
        PostgresServer(folder=place).start()


@as_root
def test_root_starts_it_as_somebody_else(server):
    """A hole in the database is then no hole in the machine."""
    assert all(0 not in uids_of(pid) for pid in processes_in(server.folder))


@as_root
def test_root_opens_no_folder_for_it(tmp_path):
    """What is closed stays closed; what to do instead is told."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    modes = {path: path.stat().st_mode for path in (closed, *closed.parents)}

    with pytest.raises(Unreachable, match=r"nobody \(uid \d+\) cannot reach .*: \S+ is root's, drwx------; "):
        PostgresServer(folder=closed / "new").start()

    assert {path: path.stat().st_mode for path in modes} == modes
    assert list(closed.iterdir()) == []


@as_root
def test_root_runs_it_as_the_owner_of_its_folder(place):
    """Who has run it before can run it again."""
    owner = pwd.getpwnam("daemon")
    os.chown(place, owner.pw_uid, owner.pw_gid)

    with PostgresServer(folder=place) as server:
        assert uids_of(server.pid) == {owner.pw_uid}


@as_root
def test_root_does_not_take_over_a_folder_with_something_in_it(place, template):
    (place / "mine").touch()

    with pytest.raises(Unreachable, match=r"not empty, .*chown -R"):
        PostgresServer(folder=place, template=template).start()

    assert place.stat().st_uid == 0


def test_what_is_no_folder_is_told(place):
    (place / "file").touch()

    with pytest.raises(Unreachable, match=r"file for a database: .*choose another folder"):
        PostgresServer(folder=place / "file").start()


def test_what_is_no_template_is_told(place, tmp_path):
    with pytest.raises(NotInitialised, match="is not the data folder of a PostgreSQL server"):
        PostgresServer(folder=place, template=tmp_path).start()


def test_ctrl_c_reaches_it_through_us_only(folder):
    """A Ctrl-C goes to the whole group of the terminal; the server waits for us to finish with it."""
    process = hold(folder)

    groups = {os.getsid(pid) for pid in processes_in(folder)}

    assert os.getsid(process.pid) not in groups
    process.communicate()
