"""What a node has written down is there after it was killed."""

import os
import resource
import signal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messenger.node import Node
from messenger.node.journal import open_journal

from .driver import INIT, NodeProcess, ask, request

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(batches=st.lists(st.lists(JSON, max_size=4), max_size=4))
@settings(max_examples=40, deadline=None)
def test_what_was_written_is_what_is_read(batches, tmp_path_factory):
    folder = tmp_path_factory.mktemp("state")
    journal = open_journal(str(folder), "n1")
    for batch in batches:
        journal.write(*batch)

    assert open_journal(str(folder), "n1").read() == [record for batch in batches for record in batch]


@pytest.mark.parametrize("torn", [b"[", b'"half', b"7"])
def test_a_record_that_was_cut_short_is_none(tmp_path, torn):
    """It was being written when the power went: nobody has been told of it; the next begins a new line."""
    journal = open_journal(str(tmp_path), "n1")
    journal.write(1, 2)
    with (tmp_path / "n1.journal").open("ab") as file:
        file.write(torn)

    again = open_journal(str(tmp_path), "n1")

    assert again.read() == [1, 2]
    again.write(3)
    assert open_journal(str(tmp_path), "n1").read() == [1, 2, 3]


def test_what_is_no_journal_is_said_so(tmp_path):
    (tmp_path / "n1.journal").write_text("hello\nyou\n")

    with pytest.raises(ValueError, match=r"n1.journal is no journal of a node"):
        open_journal(str(tmp_path), "n1").read()


@pytest.mark.parametrize("name", ["../n1", "/etc/n1", "", "n\n1", "n.1"])
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    """A node is called what the network calls it."""
    folder = tmp_path / "a" / "state"

    open_journal(str(folder), name).write(1)

    assert len(list(folder.iterdir())) == 1
    assert open_journal(str(folder), name).read() == [1]


def test_what_does_not_fit_is_not_half_written(tmp_path):
    """The next record has to begin at a line's beginning."""
    journal = open_journal(str(tmp_path), "n1")
    journal.write("first")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            journal.write("x" * 200)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)
    journal.write("second")

    assert open_journal(str(tmp_path), "n1").read() == ["first", "second"]


def test_a_node_without_a_folder_keeps_nothing():
    node = Node()

    @node.on
    def note():
        node.journal.write(1)
        return {"known": node.journal.read()}

    assert ask(node, INIT, request("note", 2))[1]["known"] == []


def test_a_node_that_is_killed_knows_again_what_it_has_acknowledged(tmp_path, monkeypatch):
    monkeypatch.setenv("MESSENGER_STATE", str(tmp_path))
    with NodeProcess(workload="g_set") as process:
        process.ask(INIT)
        assert process.ask(request("add", 2, element="x"))["type"] == "add_ok"
        os.kill(process.process.pid, signal.SIGKILL)
        process.exit_code()

    with NodeProcess(workload="g_set") as process:
        process.ask(INIT)
        assert process.ask(request("read", 2))["value"] == ["x"]
