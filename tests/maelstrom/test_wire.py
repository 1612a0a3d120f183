"""Lines."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.maelstrom.network import Envelope
from messenger.maelstrom.wire import NotAMessage, line_of, parse, quote, read_body, write_message

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.text(), JSON, max_size=3))
def test_a_body_arrives_as_it_was_sent(body):
    """Whatever is in it: any text, integers of any size."""
    line = line_of(Envelope(3, write_message("c1", "n0", body)))

    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert json.loads(line) == {"id": 3, "src": "c1", "dest": "n0", "body": body}
    assert read_body(parse(line)) == body


def test_nodes_get_each_others_words_unchanged():
    """A reader that turned a long integer into a float would invent a bug."""
    body = b'{"type" : "x", "n": 123456789012345678901234567890, "f": 1.10}'

    line = line_of(Envelope(0, parse(b'{"src": "n0", "dest": "n1", "body": %s}' % body)))

    assert body in line


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"hello",
        b"[]",
        b'{"src": "n0", "dest": "n1"}',
        b'{"src": "n0", "dest": 1, "body": {}}',
        b'{"src": "n0", "dest": "n1", "body": []}',
        b'{"src": "n0", "dest": "n1", "body": {}',
        b'{"src": "n0", "dest": "n1", "body": {}} {}',
        b'{"src": "n0", "dest": "n1", "body": {"a": "\xff"}}',
        b"[" * 100_000,
    ],
)
def test_what_is_not_a_message_is_refused(line):
    """Never with another exception: a node may write anything."""
    with pytest.raises(NotAMessage):
        read_body(parse(line))


def test_a_body_that_is_too_much_for_us_is_refused():
    """An integer of thousands of digits, or lists in lists in lists: no report could be written of them."""
    line = b'{"src": "n0", "dest": "n1", "body": {"a": %s, "b": [%s]}}'
    wide = b"[]," * 500 + b"[]"

    assert read_body(parse(line % (b"[" * 98 + b"]" * 98, wide)))["a"]
    with pytest.raises(NotAMessage, match="deeper than 100 levels"):
        read_body(parse(line % (b"[" * 100 + b"]" * 100, wide)))
    with pytest.raises(NotAMessage):
        read_body(parse(line % (b"9" * 5000, wide)))


def test_a_quoted_line_is_short_and_printable():
    """It goes to a terminal."""
    assert quote(b"\xff" + b"x" * 500) == "\\xff" + "x" * 199 + "…"
