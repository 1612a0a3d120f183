from datetime import date

import pytest

from messenger.gate.accepted import Accepted, excuse_rows, find_accepted, read_accepted
from messenger.gate.comparison import Status, compare
from messenger.gate.error import GateError
from messenger.gate.selection import Selection

from .samples import baseline, measurement, name, run, target

PARSE = name("parse")
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


def excused(percent, until, **fields):
    entry = Accepted("parse", percent, "checks UTF-8", until)
    rows = compare(
        run(measurement(PARSE, 900), **fields), [baseline(measurement(PARSE, 450))], Selection(paths=("",))
    )
    [row] = excuse_rows(rows, [entry], date(2026, 11, 24))
    return row.status, row.note


def test_a_baseline_is_missed_by_as_much_as_was_accepted():
    """The same line excuses a slowdown from whatever it is held against."""
    assert excused(110, date(2026, 11, 24)) == (Status.ACCEPTED, "checks UTF-8; until 2026-11-24")


def test_an_acceptance_that_ended_or_is_exceeded_excuses_nothing():
    assert excused(110, date(2026, 11, 23)) == (Status.REGRESSED, "its acceptance ended on 2026-11-23")
    assert excused(90, date(2027, 1, 1)) == (Status.REGRESSED, "90 % were accepted")


def test_an_accepted_slowdown_excuses_no_broken_promise():
    missed = {PARSE: (target("p99", 0.001, 0.002),)}

    assert excused(110, date(2027, 1, 1), targets=missed)[0] is Status.FAILED_TARGET
