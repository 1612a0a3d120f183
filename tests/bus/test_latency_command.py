"""`messenger bus latency` as people and scripts meet it."""

import re
import signal
import subprocess
import sys
import threading
from xml.etree import ElementTree

import msgspec
import pytest

from messenger.bus.command import main

TOLD = {"p50_us", "p90_us", "p99_us", "p999_us", "max_us", "over_1ms_share"}
OPTIONS = {"json": "--json", "hgrm": "--hgrm", "svg": "--plot"}


def test_the_command_measures_any_bus(served, tmp_path, capsys):
    """The row, the files and the keys that others count on."""
    files = {name: tmp_path / f"tail.{name}" for name in ("json", "hgrm", "svg")}

    written = [argument for name, file in files.items() for argument in (OPTIONS[name], str(file))]

    status = main(["latency", served, "--rate", "1000", "--seconds", "0.2", "--payload", "16", *written])

    told = msgspec.json.decode(files["json"].read_bytes())
    assert status in (0, 1)
    assert told["passed"] is (status == 0)
    assert TOLD | {"url", "mode", "rate", "seconds", "payload", "sent", "received", "lost"} <= told.keys()
    assert told["hiccup"].keys() >= TOLD | {"sent", "received"}
    assert (told["url"], told["rate"], told["payload"]) == (served, 1000, 16)
    assert (told["sent"], told["received"], told["lost"]) == (200, 200, 0)
    assert (told["hiccup"]["received"], told["machine"]["cpus"] > 0) == (200, True)
    assert files["hgrm"].exists()
    assert (tmp_path / "tail-hiccup.hgrm").exists()
    assert len(list(ElementTree.parse(files["svg"]).findall(".//{*}polyline"))) == 2
    out = capsys.readouterr().out
    assert re.search(r"1,000/s .*\n.*hiccup floor", out)
    assert re.search(r"^(PASSED|FAILED): 1,000/s: p99 ", out, re.MULTILINE)


def test_several_rows_are_an_array_on_stdout(capsys):
    """With - stdout holds JSON and nothing else, for a pipe to read."""
    rates = ["--rate", "1000", "--rate", "2000", "--round-trip"]

    main(["latency", "inproc://rows", *rates, "--seconds", "0.1", "--json", "-"])

    captured = capsys.readouterr()
    rows = msgspec.json.decode(captured.out)
    assert [(row["mode"], row["rate"]) for row in rows] == [
        ("one-way", 1000),
        ("one-way", 2000),
        ("round-trip", None),
    ]
    assert rows[2]["pipe"].keys() >= TOLD
    assert "round trip" in captured.err


def test_a_limit_of_ones_own_is_kept(capsys):
    """For machines, and for needs, that are not ours."""
    arguments = ["latency", "inproc://limit", "--rate", "100", "--seconds", "0.1", "--max-p99-us"]

    status = main([*arguments, "0.001"])

    assert status == 1
    assert ">= 0 us" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing argument 'URL'"),
        (["inproc://"], "names no bus"),
        (["here"], "'here' names no bus; write inproc://NAME"),
        (["carrier-pigeon://x"], "names no bus"),
        (["inproc://x", "--rate", "0"], "0 is not in the range"),
        (["inproc://x", "--rate", "fast"], "'fast' is not a valid integer"),
        (["inproc://x", "--payload", "-3"], "-3 is not in the range"),
        (["inproc://x", "--payload", "2000000"], "2000000 is not in the range"),
        (["inproc://x", "--seconds", "nan"], "nan is not a finite number"),
        (["inproc://x", "--publishers", "0"], "0 is not in the range"),
        (["inproc://x", "--rate", "1000000", "--seconds", "60"], "more than the 10,000,000"),
        (["inproc://x", "--json", "nowhere/tail.json"], "there is no folder nowhere"),
    ],
    ids=" ".join,
)
def test_nonsense_is_refused_before_anything_is_measured(capsys, arguments, said):
    """With a sentence, and exit status 2."""
    status = main(["latency", *arguments])

    captured = capsys.readouterr()
    assert (status, captured.out) == (2, "")
    assert said in captured.err
    assert "Measuring" not in captured.err


@pytest.mark.parametrize("arguments", [["--help"], ["latency", "--help"]], ids=" ".join)
def test_help_names_the_exit_statuses(capsys, arguments):
    """What a script needs first."""
    status = main(arguments)

    assert status == 0
    assert "Exit status: 0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [
        (signal.SIGINT, 130, "messenger bus: interrupted"),
        (signal.SIGTERM, 143, "messenger bus: terminated"),
        (signal.SIGKILL, -signal.SIGKILL, ""),
    ],
    ids=["SIGINT", "SIGTERM", "SIGKILL"],
)
def test_whoever_interrupts_it_is_left_with_nothing(number, status, said):
    """Every process of it holds stderr, so its end is the end of the last."""
    command = [sys.executable, "-m", "messenger", "bus", "latency", "inproc://x", "--seconds", "600"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr.readline() == "Measuring 10,000/s for 600 s.\n"

        process.send_signal(number)
        out, err = process.communicate(timeout=30)

    assert (process.returncode, out, err.strip()) == (status, "", said)


def test_threads_that_hold_the_gil_are_measured_beside(tmp_path):
    """What they do to the tail can be seen, and is over with the measurement."""
    before = sys.getswitchinterval(), threading.active_count()

    status = main(
        [
            *("latency", "inproc://here", "--rate", "1000", "--seconds", "0.2"),
            *("--busy", "1", "--switch-interval", "0.0005", "--json", str(tmp_path / "tail.json")),
        ]
    )

    assert status in (0, 1)
    assert msgspec.json.decode((tmp_path / "tail.json").read_bytes())["received"] == 200
    assert (sys.getswitchinterval(), threading.active_count()) == before
