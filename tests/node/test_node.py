"""A node in this process: lines in, lines out."""

import asyncio
import os
import signal
import sys
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.node import Body, Limits, Node
from messenger.node.lines import LineBuffer

from .driver import INIT, ask, bodies, line, messages, request


class Echo(Body):
    echo: object


class EchoOk(Body):
    echo: object


def echoing(*, plain=False):
    """A node that echoes, with one handler typed, and perhaps one plain."""
    node = Node()

    @node.on
    def echo(request: Echo) -> EchoOk:
        return EchoOk(request.echo)

    if plain:
        node.on("plain")(lambda body: {"type": "plain_ok"})
    return node


def init_of(node_id, *node_ids):
    return line(
        {"src": "c0", "dest": node_id, "body": {"type": "init", "msg_id": 1, **names(node_id, node_ids)}}
    )


def names(node_id, node_ids):
    return {"node_id": node_id, "node_ids": list(node_ids)}


def test_init_gives_the_node_its_name_and_its_neighbours():
    """Handlers read both."""
    node = Node()

    ask(node, init_of("n2", "n1", "n2"))

    assert (node.node_id, node.node_ids) == ("n2", ["n1", "n2"])


def test_the_sample_conversation():
    """The protocol, by example."""
    node = echoing()

    output = node.receive(
        INIT + b'{"src":"c1","dest":"n1","body":{"type":"echo","msg_id":2,"echo":"bench"}}\n'
    )

    assert messages(output) == [
        {"src": "n1", "dest": "c0", "body": {"type": "init_ok", "in_reply_to": 1, "msg_id": 0}},
        {
            "src": "n1",
            "dest": "c1",
            "body": {"type": "echo_ok", "echo": "bench", "in_reply_to": 2, "msg_id": 1},
        },
    ]


@pytest.mark.parametrize("plain", [False, True], ids=["typed", "mixed"])
def test_init_opens_the_node_in_the_midst_of_a_batch(plain):
    """A client that does not wait for init_ok may be in the same read."""
    node = echoing(plain=plain)

    answers = ask(node, request("echo", 1, echo=1), INIT, request("echo", 2, echo=2))

    assert [answer["type"] for answer in answers] == ["error", "init_ok", "echo_ok"]


def test_the_same_init_again_is_answered_again():
    """A network may deliver twice."""
    node = Node()

    answers = ask(node, INIT, INIT)

    assert [(answer["type"], answer["msg_id"]) for answer in answers] == [("init_ok", 0), ("init_ok", 1)]


@pytest.mark.parametrize(
    "other", [init_of("n2", "n1", "n2"), init_of("n1", "n1", "n2")], ids=["name", "neighbours"]
)
def test_another_init_is_refused(other):
    """A node that changed its name in mid-flight would answer for someone else."""
    node = Node()

    answers = ask(node, INIT, other)

    assert [answer.get("code") for answer in answers] == [None, 22]
    assert (node.node_id, node.node_ids) == ("n1", ["n1"])


@pytest.mark.parametrize("fields", [{}, {"node_id": 1, "node_ids": []}, {"node_id": "n1", "node_ids": "n1"}])
def test_a_malformed_init_is_refused_and_a_good_one_still_taken(fields):
    """The first attempt leaves nothing behind."""
    node = Node()

    answers = ask(node, request("init", 1, **fields), INIT)

    assert [answer.get("code") for answer in answers] == [12, None]


def test_replies_after_the_flush_come_when_all_before_are_written(node):
    """Whoever counts what was written counts this batch."""
    written = []
    node.on("note")(lambda body: {"type": "note_ok"})
    node.on("last", after_flush=True)(lambda body: {"type": "last_ok", "written": list(written)})

    first = node.receive(request("last", 2) + request("note", 3))
    written.append("first")
    second = node.flushed()

    assert [body["type"] for body in bodies(first)] == ["note_ok"]
    assert [(body["type"], body["in_reply_to"], body["written"]) for body in bodies(second)] == [
        ("last_ok", 2, ["first"])
    ]


def test_after_the_flush_there_is_nothing_more_to_say(node):
    """The loop around the node ends."""
    node.on("last", after_flush=True)(lambda body: {"type": "last_ok"})
    node.receive(request("last"))
    node.flushed()

    again = node.flushed()

    assert again == b""


def test_a_handler_after_the_flush_that_raises_is_a_crash(node):
    """The rules for answers do not depend on when they come."""

    @node.on(after_flush=True)
    def last(body):
        raise ValueError("bad")

    answers = ask(node, request("last"), request("unknown", 3))

    assert [(answer["code"], answer["in_reply_to"]) for answer in answers] == [(10, 3), (13, 2)]


def test_a_batch_without_replies_is_silent(node):
    """No empty write."""
    output = node.receive(b"\n\r\n" + request("x", in_reply_to=1))

    assert output == b""


def test_an_unserialisable_reply_is_an_error_to_its_sender(node):
    """The handler returned; what it returned cannot be said."""
    node.on("odd")(lambda body: {"type": "odd_ok", "value": object()})

    answers = ask(node, request("odd", 2), request("odd", None), request("unknown", 3))

    assert [(a["code"], a.get("in_reply_to"), a["msg_id"]) for a in answers] == [
        (13, 2, 1),
        (13, None, 2),
        (10, 3, 3),
    ]


@pytest.mark.parametrize("plain", [False, True], ids=["typed", "mixed"])
@given(
    chunks=st.lists(st.binary(max_size=60) | st.sampled_from([b"\n", b'{"', INIT, b"[[[", b"\xff", b"{}\n"]))
)
def test_no_bytes_keep_it_from_answering_the_next_request(plain, chunks):
    """Any bytes, cut anywhere."""
    node, buffer = echoing(plain=plain), LineBuffer(1 << 20)
    ask(node, INIT)

    for chunk in [*chunks, b"\n"]:
        ask(node, buffer.feed(chunk))
    answers = ask(node, buffer.feed(request("echo", 77, echo="alive")))

    assert [(answer["echo"], answer["in_reply_to"]) for answer in answers] == [("alive", 77)]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
words = st.sampled_from(
    ["src", "dest", "body", "type", "msg_id", "in_reply_to", "echo", "init", "plain", "n1"]
)


@pytest.mark.parametrize("plain", [False, True], ids=["typed", "mixed"])
@given(
    envelope=st.fixed_dictionaries(
        {}, optional={"src": words | json_values, "dest": words | json_values, "body": json_values}
    ),
    body=st.dictionaries(words, words | json_values),
)
def test_no_message_of_odd_types_keeps_it_from_answering_the_next(plain, envelope, body):
    """Everything JSON has, wherever a field is expected."""
    node = echoing(plain=plain)
    ask(node, INIT)

    ask(node, line({"src": "c1", "dest": "n1", "body": body, **envelope}))
    answers = ask(node, line({**envelope, "src": "c1", "body": body}), request("echo", 77, echo="alive"))

    assert (answers[-1]["echo"], answers[-1]["in_reply_to"]) == ("alive", 77)


def test_a_node_with_a_coroutine_function_waits():
    """Only then an event loop is worth its price."""
    sync, waiting = Node(), Node()
    sync.on("x")(lambda body: None)

    @waiting.on
    async def x(body):
        await asyncio.sleep(0)

    assert (sync.waits, waiting.waits) == (False, True)


@pytest.mark.parametrize(
    "limits", [{"max_in_flight": 0}, {"max_line_bytes": 0}, {"drain_seconds": -1}], ids=str
)
def test_limits_that_nothing_could_satisfy_are_refused(limits):
    """A node that may have no request in flight would wait for ever."""
    with pytest.raises(ValueError, match=next(iter(limits))):
        Limits(**limits)


@contextmanager
def streams_on_pipes():
    """Make descriptors 0 and 1 ends of pipes, for `Node.run` in this process."""
    saved = [os.dup(fd) for fd in (0, 1)]
    (stdin, feed), (result, stdout) = os.pipe(), os.pipe()
    os.dup2(stdin, 0)
    os.dup2(stdout, 1)
    os.close(stdin)
    os.close(stdout)
    try:
        yield feed, result
    finally:
        for fd, original in enumerate(saved):
            os.dup2(original, fd)
            os.close(original)
        os.close(result)


def waiting_node():
    node = Node()

    @node.on
    async def wait(body):
        await asyncio.sleep(0)
        return {"type": "wait_ok"}

    return node


@pytest.mark.parametrize("make", [echoing, waiting_node], ids=["sync", "waiting"])
def test_run_gives_back_what_it_borrowed(make):
    """A program may do something else after its node."""
    with streams_on_pipes() as (feed, result):
        os.set_blocking(0, False)
        os.write(feed, INIT)
        os.close(feed)
        before = lent()

        make().run()

        assert lent() == before
        assert bodies(os.read(result, 1000))[0]["type"] == "init_ok"


def lent():
    """What a node borrows: streams, where they lead, whether they block, and signals."""
    signals = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    wakeup_fd = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(wakeup_fd)
    files = [(os.fstat(fd).st_ino, os.get_blocking(fd)) for fd in (0, 1)]
    return sys.stdout, signals, wakeup_fd, files, sorted(os.listdir("/proc/self/fd"))
