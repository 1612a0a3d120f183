"""What disturbs a measurement, and what is to be done about it."""

import json

import msgspec
import pytest

from messenger.gate.doctor import Facts, Pulse, in_a_line, prerequisites, render_doctor, symptoms
from messenger.gate.facts import read_facts, take_pulse
from messenger.gate.report import Prerequisite

from . import project

QUIET = Facts(
    cores=4,
    load=0.2,
    quota_cores=4.0,
    governors=("performance",),
    counter="perf",
    temporary_mb=9000,
    clock_ns=1,
)


def unmet(found):
    return [one.name for one in found if not one.met]


def test_a_quiet_machine_has_nothing_to_do():
    assert unmet(prerequisites(QUIET)) == []


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"cores": 1}, "cores"),
        ({"load": 3.0}, "load"),
        ({"quota_cores": 1.5}, "quota"),
        ({"governors": ("powersave",)}, "governor"),
        ({"forks": False}, "pairs"),
        ({"counter": None}, "instructions"),
        ({"debug_build": True}, "versions"),
        ({"disturbing": ("$PYTHONDEVMODE",)}, "nothing else in the process"),
        ({"git": False}, "git"),
        ({"shallow": True}, "git"),
        ({"temporary_mb": 3.0}, "temporary folder"),
        ({"clock_ns": 4e6}, "clock"),
    ],
)
def test_what_disturbs_is_named_with_advice(change, name):
    found = prerequisites(msgspec.structs.replace(QUIET, **change))

    assert [one.name for one in found if not one.met and one.advice] == [name] or change == {"cores": 1}
    assert name in unmet(found)


def test_what_is_not_known_is_not_held_against_the_machine():
    """In a virtual machine nobody knows the clock rate."""
    assert unmet(prerequisites(Facts(cores=2, counter="perf"))) == []


@pytest.mark.parametrize(
    ("pulse", "names"),
    [
        (Pulse((100,) * 100, 0.1, 0.0), []),
        (Pulse((100,) * 80 + (200,) * 20, 0.1, None), ["steady speed"]),
        (Pulse((100,) * 100, 12.0, 0.2), ["no hiccups", "no steal"]),
    ],
)
def test_an_unsteady_pulse_is_a_symptom(pulse, names):
    assert unmet(symptoms(pulse)) == names


def test_findings_are_told_in_one_line_or_with_advice():
    found = [Prerequisite("fork", True, "there"), Prerequisite("load", False, "3 of 2", "end what else runs")]

    assert in_a_line(found) == "Prerequisites: ✓ fork, ✗ load (3 of 2)"
    assert render_doctor(found) == (
        "✓ fork: there\n✗ load: 3 of 2\n    end what else runs\nNOISY: 1 of 2 findings to look at.\n"
    )


def test_this_machine_can_be_looked_at(tmp_path):
    facts, pulse = read_facts(tmp_path), take_pulse(0.2)

    assert (facts.cores >= 1, facts.git, facts.forks) == (True, False, True)
    assert (len(pulse.slices_ns) >= 10, pulse.gap_ms > 0, 0 <= pulse.slow <= 1) == (True, True, True)


def test_the_verb_says_what_it_found_and_whether_there_is_something_to_do(shop):
    done = project.gate(shop, "doctor", "--seconds", "0.2", "--json", "doctor.json")

    found = json.loads((shop / "doctor.json").read_text())
    todo = sum(not one["met"] for one in found)
    assert (done.returncode, done.stdout.count("✗ ")) == (1 if todo else 0, todo)
    assert done.stdout.splitlines()[-1].startswith("NOISY: " if todo else "QUIET: ")


def test_a_check_tells_what_it_found_before_it_measures(shop):
    done = project.gate(shop, "check", "--measure", "1", "tests/speed", "--json", "report.json")

    assert done.stderr.startswith("Prerequisites: ")
    named = {one["name"] for one in json.loads((shop / "report.json").read_text())["prerequisites"]}
    assert {"cores", "git", "pairs"} <= named
