import math
from datetime import date

import pytest

from messenger.gate.accepted import Accepted
from messenger.gate.git import Commit
from messenger.gate.lockstep.duel import Bout, Duel
from messenger.gate.lockstep.findings import circumstances_of, rows_of
from messenger.gate.lockstep.judge import Ratios
from messenger.gate.lockstep.side import Trouble
from messenger.gate.report import result_of
from messenger.gate.reports.words import change_cell

from ..samples import NEW, OLD

TODAY = date(2026, 11, 21)
WOBBLE = (-0.004, 0.003, 0.001, -0.002, 0.002, -0.001, 0.004, -0.003)


def bout(name, percent=0.0, confirm=None, spread=1.0):
    screen = tuple(math.log1p(percent / 100) + spread * value for value in WOBBLE)
    fresh = () if confirm is None else tuple(math.log1p(confirm / 100) + value for value in WOBBLE)
    pairs = len(screen) + len(fresh)
    return Bout(
        name=name,
        ratios=Ratios(screen, fresh),
        base_seconds=(1e-6,) * pairs,
        head_seconds=(1e-6 * (1 + percent / 100),) * pairs,
    )


def duel(*bouts, **fields):
    given = {"base": OLD, "head": NEW, "date": "2026-11-21T12:00:00+00:00", "environment": "amd"}
    counts = {"screening_pairs": 8, "confirming_pairs": 10, "seconds": 20.0}
    return Duel(bouts=bouts, **(given | counts | fields))


def statuses(*bouts, accepted=(), **fields):
    return [(row.name, row.status.value) for row in rows_of(duel(*bouts, **fields), accepted, TODAY)]


def acceptance(**fields):
    given = {"benchmark": "bench_parse", "percent": 15.0, "reason": "checks UTF-8", "until": TODAY}
    return Accepted(**(given | fields))


def test_every_status_has_its_place_worst_first():
    found = statuses(
        bout("stable"),
        bout("noisy", spread=25),
        bout("unconfirmed", 10, 0),
        bout("improved", -10, -10),
        bout("regressed", 10, 10),
        new=("new",),
        missing=("missing",),
        skipped=("skipped",),
        troubles=(Trouble("head", "head", "failed", "boom"), Trouble("base", "base", "crashed", "")),
    )

    assert found == [
        ("regressed", "regressed"),
        ("missing", "missing"),
        ("head", "failed"),
        ("improved", "improved"),
        ("new", "new"),
        ("base", "failed-in-base"),
        ("noisy", "noisy"),
        ("unconfirmed", "not-confirmed"),
        ("skipped", "skipped"),
        ("stable", "stable"),
    ]


@pytest.mark.parametrize(
    ("fields", "status", "note"),
    [
        ({}, "accepted", "checks UTF-8; until 2026-11-21"),
        ({"until": date(2026, 11, 20)}, "regressed", "its acceptance ended on 2026-11-20"),
        ({"percent": 9.0}, "regressed", "9 % were accepted"),
        ({"benchmark": "bench_ship"}, "regressed", ""),
    ],
)
def test_an_acceptance_holds_until_its_day_and_up_to_its_percent(fields, status, note):
    (row,) = rows_of(duel(bout("bench_parse", 10, 10)), [acceptance(**fields)], TODAY)

    assert (row.status.value, row.note) == (status, note)


def test_the_acceptance_that_ends_last_counts():
    entries = [acceptance(until=date(2026, 1, 1)), acceptance(), acceptance(until=date(2025, 1, 1))]

    assert statuses(bout("bench_parse", 10, 10), accepted=entries) == [("bench_parse", "accepted")]


def test_the_change_stands_beside_its_interval():
    (row,) = rows_of(duel(bout("a", 10, 10)), [], TODAY)

    assert change_cell(result_of(row)) == "+10.0 % [+9.6, +10.4]"


def test_a_failure_is_noted_by_its_error_not_by_where_it_was():
    """Pytest's last line names a file in a temporary folder that is gone."""
    text = (
        "def test_x(benchmark):\n>   assert 1 == 2\nE   assert 1 == 2\n\n/tmp/x/test_x.py:3: AssertionError"
    )

    (row,) = rows_of(duel(troubles=(Trouble("a", "head", "failed", text),)), [], TODAY)

    assert row.note == "failed in head: assert 1 == 2"


def test_a_silent_crash_is_noted_too():
    (row,) = rows_of(duel(troubles=(Trouble("a", "base", "crashed", "\n"),)), [], TODAY)

    assert row.note == "crashed in base: it printed nothing"


def test_the_circumstances_name_both_commits_and_what_was_visible():
    lines = circumstances_of(duel(bout("a"), head=Commit(sha="2" * 40, dirty=True))).lines

    assert "222222222222+changes" in lines[0]
    assert "000000000000 of 2026-11-20" in lines[0]
    assert "8 pairs for all, 10 fresh ones for suspects" in lines[1]
    assert lines[-1] == "A slowdown of 3.5 % of a typical benchmark is seen 4 times in 5."
