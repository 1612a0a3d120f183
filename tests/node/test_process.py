"""A node process on real pipes, with real signals."""

import os
import random
import signal
import subprocess
import time

import pytest

from .driver import INIT, bodies, request

SYNC = """
import os, sys, time
from messenger.node import Body, Limits, Node

node = Node(Limits(drain_seconds=float(os.environ.get("DRAIN_SECONDS", "10"))))

class Echo(Body):
    echo: object

@node.on
def echo(request: Echo) -> dict:
    return {"type": "echo_ok", "echo": request.echo}

@node.on
def stick(body):
    while True:
        time.sleep(3600)

@node.on
def leave(body):
    sys.exit(3)

@node.on
def shout(body):
    print("one stray line")
    return {"type": "shout_ok"}

@node.on
def crash(body):
    raise ValueError("x" * body.get("size", 1))
"""

WAITING = """
import asyncio, os, sys, time
from messenger.node import Limits, Node

node = Node(Limits(
    max_in_flight=int(os.environ.get("MAX_IN_FLIGHT", "10000")),
    drain_seconds=float(os.environ.get("DRAIN_SECONDS", "10")),
))
in_flight = 0

@node.on
async def echo(body):
    await asyncio.sleep(0)
    return {"type": "echo_ok", "echo": body["echo"]}

@node.on
async def quick(body):
    return {"type": "quick_ok"}

@node.on
async def slow(body):
    await asyncio.sleep(body["seconds"])
    return {"type": "slow_ok"}

@node.on
async def stick(body):
    await asyncio.Event().wait()

@node.on
async def stick_in_thread(body):
    await asyncio.to_thread(time.sleep, 3600)

@node.on
async def leave(body):
    sys.exit(3)

@node.on
async def leave_later(body):
    await asyncio.sleep(0)
    sys.exit(3)

@node.on
async def shout(body):
    print("one stray line")
    await asyncio.sleep(0)
    print("and another")
    return {"type": "shout_ok"}

@node.on
async def crash(body):
    await asyncio.sleep(0)
    raise ValueError("x" * body.get("size", 1))

@node.on
async def held(body):
    global in_flight
    in_flight += 1
    seen = in_flight
    await asyncio.sleep(0.001)
    in_flight -= 1
    return {"type": "held_ok", "in_flight": seen}
"""

RUN = "\nnode.run()\n"
NODES = pytest.mark.parametrize("program", [SYNC + RUN, WAITING + RUN], ids=["sync", "waiting"])
SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)


def echo(number, payload="x"):
    return request("echo", number, echo=payload)


def test_the_sample_conversation(start):
    """The protocol, by example, through the command that users run."""
    replies = start().finish(
        INIT, b'{"src":"c1","dest":"n1","body":{"type":"echo","msg_id":2,"echo":"bench"}}\n'
    )

    assert replies == [
        {"src": "n1", "dest": "c0", "body": {"type": "init_ok", "in_reply_to": 1, "msg_id": 0}},
        {
            "src": "n1",
            "dest": "c1",
            "body": {"type": "echo_ok", "echo": "bench", "in_reply_to": 2, "msg_id": 1},
        },
    ]


def test_three_clients_are_answered_in_order(start):
    """Order and ids, across clients."""
    requests = [request("echo", n, src=f"c{n - 1}", echo=n) for n in (2, 3, 4)]

    replies = start().finish(INIT, *requests)[1:]

    assert [(m["dest"], m["body"]["in_reply_to"], m["body"]["msg_id"]) for m in replies] == [
        ("c1", 2, 1),
        ("c2", 3, 2),
        ("c3", 4, 3),
    ]


@NODES
def test_one_request_at_a_time_is_answered_at_once(start, program):
    """A reply must not wait for more input."""
    node = start(program)

    answers = [node.ask(INIT)["type"], node.ask(echo(2))["type"], node.ask(echo(3))["type"]]

    assert answers == ["init_ok", "echo_ok", "echo_ok"]


@NODES
def test_a_message_may_come_in_pieces(start, program):
    """Each byte a write of its own."""
    node = start(program)

    for byte in INIT + echo(2):
        node.send(bytes([byte]))

    assert [reply["body"]["msg_id"] for reply in node.read(2)] == [0, 1]


@NODES
def test_the_end_of_the_input_ends_it_with_zero(start, program):
    """Maelstrom closes stdin; nothing went wrong."""
    node = start(program)

    replies = node.finish(INIT, *(echo(n) for n in range(1000)))

    assert (len(replies), node.exit_code(), node.complaints) == (1001, 0, "")


@NODES
def test_an_empty_input_is_no_error(start, program):
    """Nothing to do, done."""
    node = start(program)

    assert (node.finish(), node.exit_code(), node.complaints) == ([], 0, "")


@NODES
def test_the_last_line_needs_no_newline(start, program):
    """`printf` without a newline is how people try a node out."""
    replies = start(program).finish(INIT, echo(2).rstrip())

    assert [reply["body"]["type"] for reply in replies] == ["init_ok", "echo_ok"]


def test_the_end_of_the_input_waits_for_handlers_in_flight(start):
    """They were accepted, so they are answered."""
    node = start(WAITING + RUN)

    replies = node.finish(INIT, *(request("slow", n, seconds=0.05) for n in range(2, 102)))

    assert sorted(reply["body"]["in_reply_to"] for reply in replies) == list(range(1, 102))
    assert node.exit_code() == 0


@NODES
def test_input_may_be_a_file(start, program, tmp_path):
    """Replaying a recorded conversation."""
    recorded = tmp_path / "conversation"
    recorded.write_bytes(INIT + b"".join(echo(n) for n in range(2, 3002)))

    with recorded.open("rb") as stdin:
        node = start(program, stdin=stdin)
        replies = node.finish()

    assert (len(replies), node.exit_code()) == (3001, 0)


@NODES
def test_input_may_be_dev_null(start, program):
    """What a service manager gives a process that reads nothing."""
    node = start(program, stdin=subprocess.DEVNULL)

    assert (node.finish(), node.exit_code(), node.complaints) == ([], 0, "")


@NODES
@pytest.mark.parametrize("fd", [0, 1])
def test_a_closed_stream_is_a_sentence(start, program, fd):
    """A shell's `<&-` and `>&-`."""
    node = start(f"import os; os.close({fd})\n" + program)

    assert node.exit_code() == 1
    assert node.complaints == f"messenger: cannot use {('stdin', 'stdout')[fd]}: Bad file descriptor\n"


@NODES
def test_a_directory_as_input_is_a_sentence(start, program):
    """A slip of the shell."""
    node = start("import os; os.dup2(os.open('/', os.O_RDONLY), 0)\n" + program)

    assert node.exit_code() == 1
    assert node.complaints == "messenger: cannot read stdin: Is a directory\n"


@NODES
def test_a_reader_that_has_gone_is_a_sentence(start, program):
    """`messenger node | head -1` is no reason for a traceback."""
    node = start(program)
    node.ask(INIT)
    node.process.stdout.close()

    node.send(echo(2))

    assert node.exit_code() == 1
    assert node.complaints == "messenger: the reader of stdout has gone; replies may be lost\n"


@NODES
def test_a_full_disk_is_a_sentence(start, program):
    """Replies written to a file are not lost in silence."""
    with open("/dev/full", "wb") as full:
        node = start(program, stdout=full)
        node.send(INIT)

        assert node.exit_code() == 1
    assert node.complaints == "messenger: cannot write stdout: No space left on device; replies may be lost\n"


@NODES
@SIGNALS
def test_a_signal_ends_an_idle_node_with_zero(start, program, number):
    """Nothing is in flight, so nothing is waited for."""
    node = start(program)
    node.ask(INIT)

    node.process.send_signal(number)

    assert (node.exit_code(), node.complaints) == (0, "")


@NODES
@SIGNALS
def test_a_signal_lets_it_answer_what_was_sent(start, program, number):
    """A request in the pipe has been accepted by the system: its sender waits."""
    node = start(program)
    node.ask(INIT)
    node.process.send_signal(signal.SIGSTOP)
    node.send(*(echo(n) for n in range(2, 502)))

    node.process.send_signal(number)
    node.process.send_signal(signal.SIGCONT)

    assert [reply["body"]["in_reply_to"] for reply in node.read(500)] == list(range(2, 502))
    assert (node.exit_code(), node.complaints) == (0, "")


@NODES
def test_a_signal_at_any_moment_ends_it(start, program):
    """A signal lost between two system calls would leave a process that never ends."""
    moments = random.Random(1)
    codes = []

    for _ in range(10):
        node = start(program)
        node.ask(INIT)
        for n in range(2, moments.randrange(3, 200)):
            node.ask(echo(n))
        node.send(echo(2))
        for _ in range(moments.randrange(3000)):
            pass  # some microseconds, so that the signal meets another instruction each time
        node.process.send_signal(signal.SIGTERM)
        codes.append((node.exit_code(), len(node.finish())))

    assert codes == [(0, 1)] * 10


@NODES
def test_a_signal_while_starting_is_not_lost(start, program):
    """The node may have borrowed the signals and not yet be reading."""
    early = program.replace(RUN, "\nimport messenger.node.signals as s\n") + EARLY_SIGNAL + RUN
    node = start(early)

    assert (node.exit_code(), node.complaints) == (0, "")


EARLY_SIGNAL = """
enter = s.EndOnSignal.__enter__
def enter_and_be_hit(self):
    enter(self)
    ended = self._end
    heard = __import__("threading").Event()
    self._end = lambda: (ended(), heard.set())
    os.kill(os.getpid(), 15)
    heard.wait(10)
    return self
s.EndOnSignal.__enter__ = enter_and_be_hit
"""


def test_a_signal_lets_handlers_in_flight_finish(start):
    """They were accepted, so they are answered."""
    node = start(WAITING + RUN)
    node.ask(INIT)
    node.send(request("slow", 2, seconds=0.3), request("quick", 3))
    node.read(1)

    node.process.send_signal(signal.SIGTERM)

    assert [reply["body"]["type"] for reply in node.finish()] == ["slow_ok"]
    assert node.exit_code() == 0


@pytest.mark.parametrize(
    ("program", "type_"),
    [(SYNC, "stick"), (WAITING, "stick"), (WAITING, "stick_in_thread")],
    ids=["sync", "waiting", "thread"],
)
def test_a_stuck_handler_does_not_outlive_the_drain(start, program, type_, monkeypatch):
    """Whoever sent SIGTERM will not wait for ever."""
    monkeypatch.setenv("DRAIN_SECONDS", "0.2")
    node = start(program + RUN)
    node.ask(INIT)
    node.send(request(type_, 2))

    node.process.send_signal(signal.SIGTERM)

    assert node.exit_code() == 1
    assert node.complaints == "messenger: gave up 0.2 s after a signal; replies may be lost\n"


def test_a_stuck_handler_does_not_outlive_the_drain_though_nobody_reads_stderr(start, monkeypatch):
    """The farewell must not be what keeps it alive."""
    monkeypatch.setenv("DRAIN_SECONDS", "0.2")
    reader, stderr = os.pipe()
    node = start(SYNC + RUN, stderr=stderr)
    node.ask(INIT)
    fill(stderr)
    node.send(request("stick", 2))

    node.process.send_signal(signal.SIGTERM)

    assert node.exit_code() == 1
    os.close(reader)
    os.close(stderr)


def fill(fd):
    """Write until a pipe takes no more."""
    os.set_blocking(fd, False)
    try:
        while True:
            os.write(fd, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(fd, True)


def test_a_reader_that_stalls_does_not_outlive_the_drain(start, monkeypatch):
    """The replies are lost, and it is said."""
    monkeypatch.setenv("DRAIN_SECONDS", "0.2")
    node = start(SYNC + RUN)
    node.ask(INIT)
    node.send(*(echo(n, "x" * 1000) for n in range(65)))

    node.process.send_signal(signal.SIGTERM)

    assert node.exit_code() in (0, 1)
    assert len(node.finish()) == 65 or "gave up" in node.complaints


@NODES
def test_memory_stays_bounded_when_the_reader_stalls(start, program):
    """Stdin is no longer read, so its writer has to wait; nothing is lost."""
    node = start(program)
    node.ask(INIT)
    sent = offer(node, total_bytes=200 << 20)

    resident_mib = resident_bytes(node) >> 20
    node.process.stdin.close()
    answered = [reply["body"]["in_reply_to"] for reply in node.read(sent)]

    assert resident_mib < 150
    assert sorted(answered) == list(range(sent))
    assert node.exit_code() == 0


def offer(node, total_bytes):
    """Send echoes until they add up or nobody has taken any for a second; return how many went whole."""
    os.set_blocking(node.process.stdin.fileno(), False)
    sent, size, last = 0, 0, time.monotonic()
    while size < total_bytes and time.monotonic() - last < 1:
        batch = b"".join(echo(n, "x" * 200) for n in range(sent, sent + 10))
        rest = memoryview(batch)
        while rest and time.monotonic() - last < 1:
            try:
                rest = rest[os.write(node.process.stdin.fileno(), rest) :]
                last = time.monotonic()
            except BlockingIOError:
                time.sleep(0.01)
        size += len(batch) - len(rest)
        sent += bytes(batch[: len(batch) - len(rest)]).count(b"\n")
    return sent


def resident_bytes(node):
    with open(f"/proc/{node.process.pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_no_more_is_read_while_too_much_is_in_flight(start, monkeypatch):
    """A flood of requests that wait must not become a heap of tasks."""
    monkeypatch.setenv("MAX_IN_FLIGHT", "10")
    node = start(WAITING + RUN)
    node.ask(INIT)
    total = 20_000

    node.send_in_background(*(request("held", n) for n in range(total)))
    replies = node.read(total)

    assert sorted(reply["body"]["in_reply_to"] for reply in replies) == list(range(total))
    assert max(reply["body"]["in_flight"] for reply in replies) < 3000


@NODES
def test_print_in_a_handler_does_not_reach_stdout(start, program):
    """One stray line on stdout breaks the protocol for good."""
    node = start(program)

    replies = node.finish(INIT, request("shout", 2))

    assert [reply["body"]["type"] for reply in replies] == ["init_ok", "shout_ok"]
    assert "one stray line" in node.complaints


@NODES
def test_a_crash_leaves_its_traceback_on_stderr(start, program):
    """The reply names the error; the author needs the line."""
    node = start(program)

    replies = node.finish(INIT, request("crash", 2))

    assert replies[1]["body"]["code"] == 13
    assert "Traceback" in node.complaints
    assert "in crash" in node.complaints


@pytest.mark.parametrize(
    ("program", "type_"),
    [(SYNC, "leave"), (WAITING, "leave"), (WAITING, "leave_later")],
    ids=["sync", "waiting", "after a wait"],
)
def test_sys_exit_in_a_handler_ends_the_process_with_its_code(start, program, type_):
    """It means the process, wherever in a handler it is called."""
    node = start(program + RUN)
    node.ask(INIT)

    node.send(request(type_, 2))

    assert node.exit_code() == 3


@NODES
@pytest.mark.parametrize("shared", [0, 1], ids=["stdin", "stdout"])
def test_streams_that_are_not_blocking_are_no_obstacle(start, program, shared):
    """Node.js and terminals leave them so."""
    stdin, feed = os.pipe()
    result, stdout = os.pipe()
    os.set_blocking((stdin, stdout)[shared], False)
    node = start(program, stdin=stdin, stdout=stdout)
    os.write(feed, INIT + b"".join(echo(n, "x" * 100) for n in range(300)))

    first = os.read(result, 10)
    os.close(feed)
    os.close(stdout)
    output = first + b"".join(iter(lambda: os.read(result, 1 << 16), b""))

    assert len(bodies(output)) == 301
    assert node.exit_code() == 0
    os.close(stdin)
    os.close(result)


@NODES
def test_input_that_turns_non_blocking_later_is_not_its_end(start, program):
    """Another process that shares the pipe may do that at any time."""
    stdin, feed = os.pipe()
    node = start(program, stdin=stdin)
    os.write(feed, INIT)
    node.read(1)
    os.set_blocking(stdin, False)

    os.write(feed, echo(2))
    node.read(1)
    os.write(feed, echo(3))

    assert node.read(1)[0]["body"]["in_reply_to"] == 3
    os.close(feed)
    os.close(stdin)


@NODES
def test_garbage_without_end_and_nobody_who_reads_stderr(start, program):
    """Complaints must not fill the pipe and stop the node behind it."""
    reader, stderr = os.pipe()
    node = start(program, stderr=stderr)
    node.ask(INIT)

    node.send_in_background(*[b"garbage \xff\n"] * 30_000, echo(2))

    assert node.read(1)[0]["body"]["type"] == "echo_ok"
    os.close(reader)
    os.close(stderr)


@NODES
def test_huge_tracebacks_and_nobody_who_reads_stderr(start, program):
    """An exception may quote the whole request."""
    reader, stderr = os.pipe()
    node = start(program, stderr=stderr)
    node.ask(INIT)

    node.send(*(request("crash", n, size=100_000) for n in range(100)))

    assert [reply["body"]["code"] for reply in node.read(100)] == [13] * 100
    os.close(reader)
    os.close(stderr)


FORKS = """
@node.on
def fork(body):
    child = os.fork()
    if child == 0:
        time.sleep(3600)
    os.kill(child, 15)
    _, status = os.waitpid(child, 0)
    return {"type": "fork_ok", "status": status}
"""


@NODES
def test_ending_a_forked_child_does_not_end_the_node(start, program):
    """`multiprocessing` pools end their workers with SIGTERM; that is theirs alone."""
    node = start(program.replace(RUN, FORKS + RUN))
    node.ask(INIT)

    status = node.ask(request("fork", 2))["status"]

    assert os.waitstatus_to_exitcode(status) == -signal.SIGTERM
    assert node.ask(echo(3))["type"] == "echo_ok"


CHILDREN = """
import subprocess

@node.on
def child(body):
    subprocess.run(["echo", "one stray line"])
    seen = subprocess.run(["cat"], stdout=subprocess.PIPE).stdout
    return {"type": "child_ok", "seen": seen.decode()}
"""


@NODES
def test_a_child_process_neither_reads_nor_writes_our_messages(start, program):
    """Handlers run commands; the protocol's pipes are not theirs."""
    node = start(program.replace(RUN, CHILDREN + RUN))

    replies = node.finish(INIT, request("child", 2), *(echo(n) for n in range(3, 3000)))

    assert replies[1]["body"] == {"type": "child_ok", "seen": "", "in_reply_to": 2, "msg_id": 1}
    assert len(replies) == 2999
    assert "one stray line" in node.complaints


CLOSES = """
@node.on
def close(body):
    os.close(0)
    os.close(1)
    return {"type": "close_ok"}
"""


@NODES
def test_a_handler_that_closes_the_standard_streams_closes_its_own(start, program):
    """Daemonising libraries do."""
    node = start(program.replace(RUN, CLOSES + RUN))

    replies = node.finish(INIT, request("close", 2), echo(3))

    assert [reply["body"]["type"] for reply in replies] == ["init_ok", "close_ok", "echo_ok"]
    assert node.exit_code() == 0
