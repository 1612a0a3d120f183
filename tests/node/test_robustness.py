"""Bad input never kills a node: after each piece of it, the next echo is answered."""

import random
import re

import pytest

from messenger.node.complaints import Complaints

from .driver import INIT, NodeProcess, request

NODE = """
from typing import Any
from messenger.node import Body, Limits, Node

node = Node(Limits(max_line_bytes=1 << 20))

class Echo(Body):
    echo: Any

class EchoOk(Body):
    echo: Any

class Deep(Body):
    value: Any

@node.on
def echo(request: Echo) -> EchoOk:
    return EchoOk(request.echo)

@node.on
def deep(request: Deep) -> dict:
    return {"type": "deep_ok", "value": [[request.value]]}

class Raise(Body):
    value: Any

@node.on("raise")
def fail(request: Raise) -> None:
    raise ValueError(request.value)
"""

PLAIN = """
@node.on
def plain(body: dict) -> dict:
    return {"type": "plain_ok", "body": body}
"""

WAITING = """
import asyncio

@node.on
async def wait(body: dict) -> dict:
    await asyncio.sleep(0)
    return {"type": "wait_ok", "body": body}
"""

RUN = "\nnode.run()\n"

KINDS = {"typed": NODE + RUN, "mixed": NODE + PLAIN + RUN, "waiting": NODE + WAITING + RUN}


def wrap(body, src='"c1"', dest='"n1"'):
    return f'{{"src":{src},"dest":{dest},"body":{body}}}\n'.encode()


NO_REPLY = {
    "not JSON": b"not json\n",
    "half an object": b'{"src":"c1","dest":"n1","body":{"type":"echo"\n',
    "no object": b"[]\n",
    "null": b"null\n",
    "a number": b"1\n",
    "a string": b'"echo"\n',
    "NUL bytes": b"\0\0\0\0\n",
    "invalid UTF-8": b"\xff\xfe\xfa\n",
    "UTF-16": '{"src":"c1"}'.encode("utf-16") + b"\n",
    "200,000 brackets": b"[" * 200_000 + b"\n",
    "200,000 braces": b'{"a":' * 200_000 + b"\n",
    "200,000 brackets in a body": wrap('{"type":"echo","msg_id":5,"echo":' + "[" * 200_000),
    "a blank line": b"\n",
    "blank lines": b"\n\r\n \n\t\n" * 100,
    "carriage returns": b"\r\r\r\n",
    "an empty object": b"{}\n",
    "no body": b'{"src":"c1","dest":"n1"}\n',
    "body is an array": wrap("[]"),
    "body is a string": wrap('"echo"'),
    "body is null": wrap("null"),
    "missing type, no msg_id": wrap("{}"),
    "unknown type, no msg_id": wrap('{"type":"nobody_knows"}'),
    "missing field, no msg_id": wrap('{"type":"echo"}'),
    "src is a number": wrap('{"type":"echo","msg_id":5,"echo":1}', src="5"),
    "src is null": wrap('{"type":"echo","msg_id":5,"echo":1}', src="null"),
    "a reply nobody awaits": wrap('{"type":"echo","msg_id":5,"in_reply_to":99,"echo":1}'),
    "in_reply_to 0": wrap('{"type":"echo","msg_id":5,"in_reply_to":0,"echo":1}'),
    "unknown reply": wrap('{"type":"nobody_knows","in_reply_to":0}'),
    "an error nobody awaits": wrap('{"type":"error","in_reply_to":3,"code":11,"text":"later"}'),
    "msg_id is true": wrap('{"type":"echo","msg_id":true,"echo":1}'),
    "msg_id is null": wrap('{"type":"echo","msg_id":null,"echo":1}'),
    "msg_id is a string": wrap('{"type":"echo","msg_id":"5","echo":1}'),
    "msg_id is a fraction": wrap('{"type":"echo","msg_id":5.5,"echo":1}'),
    "a line over the limit": b"x" * (3 << 20) + b"\n",
    "many lines over the limit": (b"x" * (2 << 20) + b"\n") * 8,
}

CODES = {
    "missing type": (wrap('{"msg_id":5}'), 12),
    "type is a number": (wrap('{"type":5,"msg_id":5}'), 12),
    "type is null": (wrap('{"type":null,"msg_id":5}'), 12),
    "type is a list": (wrap('{"type":["echo"],"msg_id":5}'), 12),
    "type is an object": (wrap('{"type":{"echo":1},"msg_id":5}'), 12),
    "unknown type": (wrap('{"type":"nobody_knows","msg_id":5}'), 10),
    "empty type": (wrap('{"type":"","msg_id":5}'), 10),
    "a huge type": (wrap('{"type":"' + "x" * 100_000 + '","msg_id":5}'), 10),
    "missing field": (wrap('{"type":"echo","msg_id":5}'), 12),
    "lone surrogate": (wrap('{"type":"echo","msg_id":5,"echo":"\\ud800"}'), 12),
    "lone surrogate as src": (wrap('{"type":"nobody_knows","msg_id":5}', src='"\\udfff"'), 12),
    "invalid UTF-8 in a body": (
        b'{"src":"c1","dest":"n1","body":{"type":"echo","msg_id":5,"echo":"\xff"}}\n',
        12,
    ),
    "byte order mark": (b"\xef\xbb\xbf" + wrap('{"type":"echo","msg_id":5,"echo":1}'), 12),
    "NaN": (wrap('{"type":"echo","msg_id":5,"echo":NaN}'), 12),
    "a number too large": (wrap('{"type":"echo","msg_id":5,"echo":1e999}'), 12),
    "in_reply_to is true": (wrap('{"type":"echo","msg_id":5,"in_reply_to":true,"echo":1}'), 12),
    "a handler that raises": (wrap('{"type":"raise","msg_id":5,"value":1}'), 13),
    "init with another name": (
        wrap('{"type":"init","msg_id":5,"node_id":"n7","node_ids":["n7"]}', src='"c0"'),
        22,
    ),
    "init without a name": (wrap('{"type":"init","msg_id":5}', src='"c0"'), 12),
}

ECHOES = {
    "CRLF": (wrap('{"type":"echo","msg_id":5,"echo":1}').replace(b"\n", b"\r\n"), 1),
    "white space": (
        b' \t {"src" : "c1" , "dest":"n1","body": { "type":"echo","msg_id":5,"echo": [ 1 ] } } \t\n',
        [1],
    ),
    "type last": (wrap('{"echo":1,"msg_id":5,"type":"echo"}'), 1),
    "a key twice": (wrap('{"type":"echo","msg_id":4,"echo":0,"echo":1,"msg_id":5}'), 1),
    "unknown keys": (
        b'{"id":7,"src":"c1","dest":"n1","x":[],"body":{"type":"echo","msg_id":5,"echo":1,"y":{}}}\n',
        1,
    ),
    "64 bits": (wrap('{"type":"echo","msg_id":5,"echo":18446744073709551615}'), 2**64 - 1),
    "past 64 bits": (wrap('{"type":"echo","msg_id":5,"echo":-18446744073709551617}'), -(2**64) - 1),
    "a thousand digits": (wrap('{"type":"echo","msg_id":5,"echo":1' + "0" * 1000 + "}"), 10**1000),
    "text of many alphabets": (
        wrap('{"type":"echo","msg_id":5,"echo":"\\ud83d\\ude00é\u65e5\\u0000"}'),
        "\U0001f600é\u65e5\0",
    ),
    "an empty sender": (wrap('{"type":"echo","msg_id":5,"echo":1}', src='""'), 1),
}


@pytest.fixture(scope="module", params=KINDS)
def node(request):
    """One process for all of it: what one bad line breaks, the next test finds broken."""
    with NodeProcess(KINDS[request.param]) as node:
        node.send(INIT)
        node.read(1)
        yield node


def alive(node):
    """Whether the next message it sends is the reply to an echo."""
    marker = random.getrandbits(64)
    node.send(request("echo", 77, echo=marker))
    return node.read(1)[0]["body"].get("echo") == marker


@pytest.mark.parametrize("bad", NO_REPLY.values(), ids=NO_REPLY)
def test_what_cannot_be_answered_is_passed_over(node, bad):
    """Nobody waits for a reply that could be told from any other, so there is none."""
    node.send(bad)

    assert alive(node)


@pytest.mark.parametrize(("bad", "code"), CODES.values(), ids=CODES)
def test_what_can_be_answered_is_an_error(node, bad, code):
    """Its sender waits, and is told why it waits in vain."""
    answer = node.ask(bad)

    assert (answer["type"], answer["code"], answer["in_reply_to"]) == ("error", code, 5)
    assert answer["text"]
    assert alive(node)


@pytest.mark.parametrize(("odd", "value"), ECHOES.values(), ids=ECHOES)
def test_what_is_odd_but_right_is_answered(node, odd, value):
    """JSON allows it, so do we."""
    answer = node.ask(odd)

    assert (answer["type"], answer["echo"], answer["in_reply_to"]) == ("echo_ok", value, 5)
    assert alive(node)


@pytest.mark.parametrize("msg_id", [0, -1, 2**31, 2**63, -(2**64), 10**100])
def test_any_integer_is_an_id(node, msg_id):
    """The protocol does not bound them."""
    answer = node.ask(request("echo", msg_id, echo=1))

    assert answer["in_reply_to"] == msg_id


@pytest.mark.parametrize("type_", ["echo", "deep", "raise", "nobody_knows"])
@pytest.mark.parametrize("opening", ["[", '{"a":'], ids=["lists", "objects"])
def test_nesting_near_the_recursion_limit_does_not_end_it(node, type_, opening):
    """Read and then too deep to write, or to say what is wrong: an error at most, never an end."""
    closing = {"[": "]", '{"a":': "}"}[opening]
    inner = "1"
    levels = [*range(100, 900, 100), *range(900, 1100, 5), *range(980, 1000), 5_000, 20_000]
    field = "echo" if type_ == "echo" else "value"

    lines = []
    for n in levels:
        value = opening * n + inner + closing * n
        lines.append(wrap(f'{{"type":"{type_}","msg_id":{n},"{field}":{value}}}'))
    node.send_in_background(*lines, request("echo", 77, echo="last"))
    answered = set(until_last(node))

    assert answered >= set(range(100, 900, 100))
    assert alive(node)


def until_last(node):
    """Yield which requests are answered; the replies are too deep for our own decoder."""
    while b'"echo":"last"' not in (reply := node.read_lines(1)[0]):
        yield int(re.findall(rb'"in_reply_to":(\d+)', reply)[-1])


def test_ten_megabytes_in_a_line_are_echoed(start):
    """Large values are slow, not wrong."""
    text = "x" * 10_000_000
    node = start()
    node.ask(INIT)

    node.send_in_background(request("echo", 2, echo=text))

    assert node.read(1)[0]["body"]["echo"] == text


def test_lines_over_the_limit_are_complained_about(start):
    """What is dropped is said."""
    node = start(KINDS["typed"])

    node.finish(INIT, b"x" * (2 << 20), b"\n")

    assert "dropped a line of more than 1048576 bytes" in node.complaints


def test_requests_before_init_are_turned_away(start):
    """The node does not know its name yet; the sender may try again."""
    replies = start().finish(request("echo", 1, echo="early"), INIT, request("echo", 2, echo="late"))

    assert [(m["body"]["type"], m["body"].get("code")) for m in replies] == [
        ("error", 11),
        ("init_ok", None),
        ("echo_ok", None),
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_damaged_conversations_leave_it_answering(start, kind, seed):
    """Bytes flipped, cut out and doubled, in thousands of messages, in writes of any size."""
    dice = random.Random(seed)
    node = start(KINDS[kind])
    node.ask(INIT)
    lines = [
        request(dice.choice(["echo", "plain", "wait", "deep", "x"]), n, echo="é" * 9) for n in range(2_000)
    ]
    stream = bytearray(b"".join(lines))
    for _ in range(1_000):
        at = dice.randrange(len(stream))
        stream[at : at + dice.randrange(3)] = dice.randbytes(dice.randrange(3))

    node.send_in_background(bytes(stream), b"\n", request("echo", 77, echo="last"))
    while node.read(1)[0]["body"].get("echo") != "last":
        pass  # a node that has gone, or hangs, fails the read

    assert node.process.poll() is None


def test_a_flood_of_tiny_messages_is_answered(start):
    """More than a pipe holds, smaller than anyone would send."""
    node = start()
    node.ask(INIT)
    total = 100_000

    node.send_in_background(b'{"src":"c","dest":"n","body":{"type":"","msg_id":0}}\n' * total)

    assert len(node.read(total)) == total


def test_complaints_get_rarer(caplog):
    """A peer that sends garbage at full speed would otherwise fill the disk."""
    complaints = Complaints()

    for _ in range(1_000):
        complaints.warning("bad")

    assert len(caplog.records) == 10 + len([16, 32, 64, 128, 256, 512])


def test_complaints_of_one_kind_do_not_hide_the_other(caplog):
    """The first traceback is worth more than the thousandth warning."""
    complaints = Complaints()
    for _ in range(1_000):
        complaints.warning("bad")
    caplog.clear()

    complaints.traceback("a handler failed", ValueError("here"))

    assert "ValueError: here" in caplog.text
