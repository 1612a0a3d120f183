import pytest

from messenger.gate.error import GateError
from messenger.gate.git import Commit
from messenger.gate.run import combine_processes

from .samples import ELSEWHERE, measurement, process, target


def test_the_median_of_the_normalised_processes_counts():
    """The machine was twice as slow in the second process, which says nothing of the code."""
    processes = [
        process("a", measurements=(measurement("x", 100, reference_ns=1e6),), reference_ns=1e6),
        process("b", measurements=(measurement("x", 220, reference_ns=2e6),), reference_ns=2e6),
        process("c", measurements=(measurement("x", 120, reference_ns=1e6),), reference_ns=1e6),
    ]

    (row,) = combine_processes(processes).measurements

    assert row.q25_ns == pytest.approx(110)
    assert (row.processes, row.reference_ns, row.spread) == (3, 1e6, None)
    assert row.commit == "1" * 12


def row_of(*values):
    processes = [process(str(i), measurements=(measurement("x", ns),)) for i, ns in enumerate(values)]
    (row,) = combine_processes(processes).measurements
    return row


def test_five_processes_tell_the_spread():
    assert row_of(90, 100, 110, 120, 140).spread == pytest.approx(1.4826 * 10 / 110, rel=1e-3)
    assert row_of(90, 100, 110, 120).spread is None


def test_a_disturbed_process_does_not_widen_the_spread():
    """A neighbour that halves the speed of one process in five would make every tolerance useless."""
    assert row_of(99, 100, 101, 102, 175).spread == pytest.approx(1.4826 * 1 / 101, rel=1e-3)


def test_a_target_is_held_by_the_median_of_the_processes():
    """One slow process is noise; most of them are the truth."""
    processes = [process(str(value), targets={"x": (target(value=value),)}) for value in (0.01, 0.02, 0.9)]

    assert combine_processes(processes).targets["x"] == (target(value=0.02),)


def test_benchmarks_of_different_processes_are_united():
    processes = [
        process("a", measurements=(measurement("x"),), paths=("benches/x.py",)),
        process("b", measurements=(measurement("y"),), paths=("benches/y.py",)),
    ]

    run = combine_processes(processes)

    assert [row.name for row in run.measurements] == ["x", "y"]
    assert run.paths == ("benches/x.py", "benches/y.py")


def test_unknown_paths_of_one_make_all_unknown():
    run = combine_processes([process("a", paths=("benches",)), process("b")])

    assert run.paths is None


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (process("a"), "same process"),
        (process("b", environment=ELSEWHERE), "differ in environment.*cpu: AMD EPYC -> Neoverse-N1"),
        (process("b", commit=Commit(sha="2" * 40)), "differ in commit .1{12} -> 2{12}"),
        (process("b", commit=Commit()), "differ in commit .1{12} -> no commit"),
        (process("b", only=("parse",)), "different patterns"),
    ],
)
def test_what_does_not_belong_together_is_refused(other, reason):
    """Two halves of one process are no second sample; two machines have no common speed."""
    with pytest.raises(GateError, match=reason) as caught:
        combine_processes([process("a"), other])

    assert caught.value.exit_code == 2
