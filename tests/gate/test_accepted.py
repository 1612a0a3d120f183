from datetime import date

import pytest

from messenger.gate.accepted import find_accepted, read_accepted
from messenger.gate.error import GateError

ENTRY = '[[accepted]]\nbenchmark = "a"\npercent = 15\nreason = "checks UTF-8"\nuntil = 2027-01-31\n'


def read(tmp_path, text):
    (tmp_path / "accepted.toml").write_bytes(text.encode("latin-1"))
    return read_accepted(tmp_path)


def test_an_entry_is_read_as_it_is_written(tmp_path):
    (entry,) = read(tmp_path, ENTRY)

    assert (entry.benchmark, entry.percent, entry.reason) == ("a", 15, "checks UTF-8")
    assert entry.until == date(2027, 1, 31)


def test_without_a_file_nothing_is_accepted(tmp_path):
    assert read_accepted(tmp_path / "baselines") == ()


@pytest.mark.parametrize(
    "text",
    [
        "[[accepted]]\n",
        "accepted = 1\n",
        "[[acepted]]\n",
        "[[accepted]",
        "\xff",
        ENTRY + "because = 1\n",
        ENTRY.replace("2027-01-31", '"soon"'),
        ENTRY.replace("2027-01-31", "2027-01-31T10:00:00"),
        ENTRY.replace("15", "0"),
        ENTRY.replace("15", "nan"),
        ENTRY.replace("15", '"15"'),
        ENTRY.replace('"a"', '""'),
        ENTRY.replace("checks UTF-8", " "),
    ],
)
def test_a_mistake_is_answered_with_an_example(tmp_path, text):
    """An acceptance that is not understood must not silently accept nothing, or everything."""
    with pytest.raises(GateError, match=r"cannot read .*accepted\.toml: .*an \[\[accepted\]\] entry needs"):
        read(tmp_path, text)


def test_no_file_to_read_is_a_sentence(tmp_path):
    (tmp_path / "accepted.toml").mkdir()

    with pytest.raises(GateError, match="cannot read"):
        read_accepted(tmp_path)


def test_the_entry_that_ends_last_is_found(tmp_path):
    entries = read(tmp_path, ENTRY + ENTRY.replace("2027", "2028") + ENTRY.replace("2027", "2026"))

    assert find_accepted(entries, "benches/bench_a.py").until == date(2028, 1, 31)
    assert find_accepted(entries, "b") is None
