"""Reports, compared with whole files."""

import json
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from messenger.maelstrom.history import Outcome
from messenger.maelstrom.nemesis import Fault, FaultKind
from messenger.maelstrom.report import render_json, render_text
from messenger.maelstrom.run import Record
from messenger.maelstrom.settings import Settings
from messenger.maelstrom.verdict import judge
from messenger.maelstrom.workloads.registry import WORKLOADS
from messenger.maelstrom.workloads.workload import Options

EXPECTED = Path(__file__).parent / "expected"

SETTINGS = Settings(
    workload="broadcast",
    command=("./node", "--name", "it's me"),
    node_count=3,
    rate=100.0,
    time_limit_seconds=2.5,
    nemesis=(FaultKind.PARTITION, FaultKind.KILL),
    availability="total",
    seed=42,
)

ANY_AVAILABILITY = replace(SETTINGS, availability=None)


@pytest.fixture
def judged():
    def judge_it(*operations, settings=SETTINGS, **fields):
        record = Record(
            operations=operations,
            messages=100,
            messages_between_servers=60,
            messages_lost=3,
            duration_seconds=2.75,
            **fields,
        )
        return judge(record, settings, WORKLOADS["broadcast"](Random(1), Options()))

    return judge_it


@pytest.fixture
def failed(op, judged):
    return judged(
        op("broadcast", 0),
        op("broadcast", 1, node="n1", client="c2"),
        op("broadcast", 2, outcome=Outcome.INFO, error_code=0, error_text="no reply in time"),
        op("read", result=[0, 1], at=(40, 45)),
        op("read", result=[0], final=True),
        faults=(
            Fault(FaultKind.PARTITION, "isolated node", 0.5, 1.25, blocked=frozenset({("n0", "n1")})),
            Fault(FaultKind.KILL, "one node", 1.0, 2.5, nodes=("n2",)),
        ),
        violations=('n2 wrote a line that is not a message: debug "1"',),
    )


@pytest.fixture
def passed(op, judged):
    return judged(op("broadcast", 0), op("read", result=[0], final=True))


@pytest.mark.parametrize("name", ["failed", "passed"])
def test_the_text_is_as_expected(name, request):
    """Reading its diff is reviewing the change."""
    verdict = request.getfixturevalue(name)

    assert render_text(verdict) == (EXPECTED / f"{name}.txt").read_text()


def test_the_json_is_as_expected(failed):
    """Other programs rely on its names."""
    assert render_json(failed).decode() == (EXPECTED / "failed.json").read_text()


def test_integers_of_any_size_are_reported(op, judged):
    """An id may be one, and a report that fails says less than none."""
    report = json.loads(render_json(judged(op("broadcast", 2**200))))

    assert report["verdict"] == "unknown"


def test_nodes_that_never_started_prove_nothing(judged):
    """The reason is told, with the last words of the node before the verdict."""
    verdict = judged(not_started="n0 exited by itself: status 2\nits stderr ends with:\nNo such file")

    assert verdict.exit_code == 3
    assert "No such file" in render_text(verdict)
    assert render_text(verdict).splitlines()[-1] == (
        "UNKNOWN: the nodes never started: n0 exited by itself: status 2"
    )


def test_operations_that_all_failed_prove_nothing(op, judged):
    """A node that refuses everything does nothing wrong, and nothing right."""
    verdict = judged(op("read", final=True, outcome=Outcome.FAIL, error_code=10))

    assert (verdict.exit_code, verdict.reason) == (3, "none of 1 operations succeeded")


def test_an_operation_of_which_none_succeeded_proves_nothing(op, judged):
    """A node that refuses all broadcasts loses none of them."""
    refused = op("broadcast", 1, outcome=Outcome.FAIL, error_code=10)

    verdict = judged(refused, op("read", result=[], final=True), settings=ANY_AVAILABILITY)

    assert (verdict.exit_code, verdict.reason) == (
        3,
        "no broadcast succeeded, so nobody knows if it works",
    )
