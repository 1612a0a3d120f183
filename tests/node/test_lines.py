"""Reads of any size become whole lines."""

from hypothesis import given
from hypothesis import strategies as st

from messenger.node.lines import LineBuffer

LIMIT = 1 << 20


def test_a_read_of_whole_lines_comes_back_as_it_is():
    """The common case must cost no copy."""
    chunk = b"one\ntwo\n"

    lines = LineBuffer(LIMIT).feed(chunk)

    assert lines is chunk


def test_a_line_is_kept_until_its_newline_comes():
    """A pipe cuts messages wherever it likes."""
    buffer = LineBuffer(LIMIT)

    fed = [buffer.feed(b"on"), buffer.feed(b"e"), buffer.feed(b"\ntw")]

    assert fed == [b"", b"", b"one\n"]


def test_the_last_line_needs_no_newline():
    """`printf` without a newline is how people try a node out."""
    buffer = LineBuffer(LIMIT)

    fed = buffer.feed(b"one\ntwo")

    assert (fed, buffer.end()) == (b"one\n", b"two")


def test_a_line_over_the_limit_is_dropped_and_the_next_is_kept():
    """One client's runaway line costs that line, not the connection and not the memory."""
    buffer = LineBuffer(limit_bytes=4)

    fed = b"".join(buffer.feed(chunk) for chunk in (b"123", b"45", b"678", b"9\nok", b"\n"))

    assert (fed, buffer.dropped) == (b"ok\n", 1)


def test_each_line_over_the_limit_is_counted():
    """What is dropped is said, every time."""
    buffer = LineBuffer(limit_bytes=2)

    for chunk in (b"123", b"\n456", b"\n", b"7\n"):
        buffer.feed(chunk)

    assert buffer.dropped == 2


def test_a_line_over_the_limit_takes_no_memory():
    """The limit is on what is held, not on what is delivered."""
    buffer = LineBuffer(limit_bytes=100)

    for _ in range(1000):
        buffer.feed(b"x" * 60)

    assert sum(map(len, buffer._unfinished)) <= 100


@given(st.lists(st.binary(max_size=20) | st.just(b"\n") | st.just(b"")))
def test_lines_do_not_depend_on_how_they_are_cut(chunks):
    """The node sees the same messages whatever the sizes of its reads."""
    buffer = LineBuffer(LIMIT)

    fed = [buffer.feed(chunk) for chunk in chunks]

    whole, newline, rest = b"".join(chunks).rpartition(b"\n")
    assert (b"".join(fed), buffer.end()) == (whole + newline, rest)


@given(st.lists(st.binary(max_size=20) | st.just(b"\n")))
def test_what_is_fed_back_ends_with_a_newline(chunks):
    """Half a message must never reach `parse`."""
    buffer = LineBuffer(LIMIT)

    fed = [buffer.feed(chunk) for chunk in chunks]

    assert all(lines.endswith(b"\n") for lines in fed if lines)


@given(st.lists(st.integers(0, 30), max_size=20), st.integers(1, 9))
def test_no_line_within_the_limit_is_ever_dropped(lengths, read_bytes):
    """Neighbours of a runaway line do not suffer for it."""
    sent = b"".join(b"%d" % (index % 10) * length + b"\n" for index, length in enumerate(lengths))
    buffer = LineBuffer(limit_bytes=10)

    fed = b"".join(buffer.feed(sent[at : at + read_bytes]) for at in range(0, len(sent), read_bytes))

    kept = iter(fed.split(b"\n"))
    assert all(line in kept for line in sent.split(b"\n") if len(line) <= 10)
