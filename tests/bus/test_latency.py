"""Latency: every value counts, and those that a stall delays count most."""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from array import array
from collections import Counter
from fractions import Fraction
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.bus import connect
from messenger.bus.latency.hgrm import levels, render_hgrm
from messenger.bus.latency.hosts import ProcessHost, ThreadHost, wait_until_ready
from messenger.bus.latency.latencies import Latencies
from messenger.bus.latency.measure import Run, measure
from messenger.bus.latency.one_way import Recorder
from messenger.bus.latency.pace import Schedule, pace, pace_in_loop, precise_loop
from messenger.bus.latency.part import CannotMeasure
from messenger.bus.latency.plan import Plan
from messenger.bus.latency.plot import render_plot
from messenger.bus.latency.roles import Task
from messenger.bus.latency.verdict import judge, overall

MS = 1_000_000

durations = st.lists(st.integers(0, 10**10), min_size=1, max_size=300)
percents = st.one_of(st.sampled_from([0, 50, 90, 99, 99.9, 99.99, 100]), st.floats(0, 100))


def plan_for(url="inproc://latency", **changes):
    defaults = {"rate": 1000, "seconds": 0.1, "warm_up_seconds": 0.02, "reader": "thread"}
    return Plan(url=url, **defaults | changes)


def run_of(values_ms, hiccups_ms=(0.1,), sent=None):
    """Make a run of one way in which everything that was planned was sent."""
    sent = len(values_ms) if sent is None else sent
    return Run(
        plan=plan_for(rate=sent, seconds=1),
        sent=sent,
        latencies=Latencies(round(value * MS) for value in values_ms),
        floors={"hiccup": Latencies(round(value * MS) for value in hiccups_ms)},
    )


@given(durations, percents)
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(values, percent):
    """Nearest rank, without a bucket's rounding and without a float's."""
    wanted = Fraction(repr(percent)) * len(values) / 100

    found = Latencies(values).at(percent)

    assert found in values
    assert sum(value <= found for value in values) >= wanted
    assert found == min(values) or sum(value < found for value in values) < wanted


@given(durations)
def test_what_is_told_is_what_a_sorted_list_holds(values):
    """The keys that other programs read."""
    in_order = sorted(values)

    told = Latencies(values).summarize()

    assert told.p50_us == statistics.median_low(values) / 1000
    assert told.p90_us == in_order[(9 * len(values) + 9) // 10 - 1] / 1000
    assert told.p99_us == in_order[(99 * len(values) + 99) // 100 - 1] / 1000
    assert told.p999_us == in_order[(999 * len(values) + 999) // 1000 - 1] / 1000
    assert told.max_us == max(values) / 1000
    assert told.over_1ms_share == sum(value > MS for value in values) / len(values)


def test_what_several_processes_recorded_is_joined():
    """Percentiles cannot be averaged; values can be put together."""
    joined = Latencies.from_bytes(array("q", [3, 1]).tobytes(), b"", array("q", [2]).tobytes())

    assert list(joined.sorted_ns) == [1, 2, 3]


def test_the_pace_does_not_depend_on_what_becomes_of_it():
    """A publisher that was held up sends what it owes, with the times at which it was due."""
    a_second_ago = time.monotonic_ns() - 10**9

    intended = list(pace(Schedule(a_second_ago, 250_000.5, 1000), lambda: False))

    assert intended == [a_second_ago + int(number * 250_000.5) for number in range(1000)]


def test_nothing_is_sent_before_its_time():
    """Or a burst would look faster than it was."""
    soon = time.monotonic_ns() + 2 * MS

    schedule = Schedule(soon, 100_000, 20)

    ahead = [intended > time.monotonic_ns() for intended in pace(schedule, lambda: False)]

    assert ahead == [False] * 20


def test_a_loop_is_paced_as_a_thread_is():
    """Publishers of a server live in one; the schedule is the same."""

    async def take():
        schedule = Schedule(a_second_ago, 250_000.5, 1000)
        return [intended async for intended in pace_in_loop(schedule, lambda: False)]

    a_second_ago = time.monotonic_ns() - 10**9

    with asyncio.Runner(loop_factory=precise_loop) as runner:
        intended = runner.run(take())

    assert intended == [a_second_ago + int(number * 250_000.5) for number in range(1000)]


def test_a_pace_ends_when_it_is_over():
    """A publisher to be stopped may have a day to go."""
    looks = iter([False, False, True])

    intended = list(pace(Schedule(time.monotonic_ns(), 1000, 10**9), lambda: next(looks)))

    assert len(intended) < 10**9


def test_a_stall_delays_all_that_should_have_been_sent_meanwhile():
    """Coordinated omission: one subscriber blocks for 50 ms, and 50 messages are late, not one."""
    plan = plan_for(seconds=0.3, warm_up_seconds=0)
    with connect(plan.url) as bus, ThreadHost(Task(plan, "publisher")) as publisher:
        subscription = bus.subscribe(plan.subject)
        wait_until_ready(publisher)
        recorder = Recorder(time.monotonic_ns(), plan.messages)

        publisher.start(time.monotonic_ns())
        for number, message in enumerate(subscription):
            if number == 100:
                time.sleep(0.05)
            if recorder.take(message.data):
                break

    late = Counter()
    for milliseconds in range(1, 51):
        late[milliseconds] = sum(value >= milliseconds * MS for value in recorder.durations_ns)
    assert len(recorder.durations_ns) == 300
    assert all(late[milliseconds] >= 51 - milliseconds for milliseconds in late)


def test_the_warm_up_does_not_count():
    """First connections and cold caches happen once, and not at the rate."""
    run = measure(plan_for(warm_up_seconds=0.1))

    assert (run.sent, run.received, run.lost, run.unsent) == (100, 100, 0, 0)


@pytest.mark.parametrize("reader", ["thread", "loop"])
def test_every_subscriber_receives_what_all_publishers_send(reader):
    """And the rate is that of all publishers together."""
    run = measure(plan_for(publishers=3, subscribers=2, reader=reader))

    assert (run.sent, run.received, run.lost) == (100, 200, 0)
    assert len(run.floors["hiccup"]) == 100


@pytest.mark.parametrize("reader", ["thread", "loop"])
@pytest.mark.parametrize("payload_bytes", [16, 100_000])
def test_a_round_trip_has_bare_pipes_beside_it(reader, payload_bytes):
    """As many of the one as of the other; more than a pipe holds must not block the two for ever."""
    plan = plan_for(mode="round-trip", reader=reader, payload_bytes=payload_bytes, warm_up_seconds=0)

    run = measure(plan)

    assert run.sent == run.received > 0
    assert {kind for kind, floor in run.floors.items() if len(floor)} == {"hiccup", "pipe", "pipe_threads"}


def test_a_process_that_fails_says_why():
    """Its traceback would be nobody's business."""
    task = Task(plan_for("carrier-pigeon://x"), "subscriber")

    with ProcessHost(task) as host, pytest.raises(CannotMeasure, match="names no bus") as raised:
        wait_until_ready(host)

    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    ("module", "argument", "status"),
    [
        ("worker", msgspec.json.encode(Task(plan_for(), "hiccup")).decode(), 1),
        ("ping_pong", "8", 0),
    ],
)
def test_a_process_whose_parent_is_gone_has_nothing_to_say(module, argument, status):
    """The terminal belongs to somebody else by then."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", f"messenger.bus.latency.{module}", argument]

    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=writing, stderr=subprocess.PIPE, bufsize=0
    ) as child:
        os.close(writing)
        child.stdin.write(b"12345678" if module == "ping_pong" else b"")
        said = child.stderr.read()

    assert (child.returncode, said) == (status, b"")


def test_a_process_ends_with_its_parent():
    """Whatever becomes of the one who measures, nothing is left behind."""
    with ProcessHost(Task(plan_for(seconds=3600), "hiccup")) as host:
        wait_until_ready(host)
        host.start(time.monotonic_ns())

    assert host._process.returncode == 1  # by itself, as its orders ended, and by no signal


@pytest.mark.parametrize(
    ("run", "passed", "reason"),
    [
        (run_of([0.5] * 1000), True, "p99 500 us < 1,000 us; p99.9 500 us < 1,000 us"),
        (run_of([0.5] * 900 + [2] * 100), False, "p99 2,000 us >= 1,000 us; p99.9 2,000 us >= 1,000 us"),
        (run_of([0.5] * 995 + [2] * 5), False, "p99 500 us < 1,000 us; p99.9 2,000 us >= 1,000 us"),
        (run_of([0.5] * 995 + [2] * 5, [3]), True, "p99 500 us < 1,000 us; p99.9 2,000 us < 4,500 us"),
        (run_of([0.5] * 999, sent=1000), False, "1 of 1,000 messages lost"),
        (run_of([2] * 1000, [2]), False, "the machine's own hiccups have a p99 of 2,000 us"),
        (run_of([], sent=1000), None, "none of 1,000 messages was received"),
    ],
    ids=["short", "p99", "p99.9", "as the machine", "lost", "both", "nothing"],
)
def test_the_verdict_knows_the_machine(run, passed, reason):
    """What the machine does on its own is no fault of the bus; what is lost has no latency, and is one."""
    verdict = judge(run)

    assert verdict.passed is passed
    assert reason in verdict.reason


def test_a_p99_that_may_be_longer_lets_the_p999_be_as_long():
    """Whoever allows 5 ms at p99 cannot mean 1 ms at p99.9."""
    run = run_of([0.5] * 900 + [2] * 100)

    assert judge(run, p99_limit_us=5000).passed


def test_what_could_not_be_sent_fails():
    """A bus that lets its publishers wait must not pass by having less to carry."""
    run = msgspec.structs.replace(run_of([0.5] * 1000), plan=plan_for(rate=3000, seconds=1))

    verdict = judge(run)

    assert not verdict.passed
    assert "2,000 of 3,000 could not be sent in time" in verdict.reason


def test_the_exit_status_is_that_of_the_worst():
    """Nothing received is not a short tail."""
    short, long, none = (judge(run_of(values, sent=1)) for values in ([0.5], [2], []))

    assert [overall([short]), overall([short, long]), overall([long, none])] == [0, 1, 3]


@given(durations)
def test_hgrm_text_read_back_tells_the_same(values):
    """Other people's plotters read it by these columns."""
    latencies = Latencies(values)

    lines = render_hgrm(latencies).splitlines()

    assert lines[0].split() == ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"]
    rows = [line.split() for line in lines[2:] if not line.startswith("#")]
    assert float(rows[-1][0]) * 1000 == pytest.approx(max(values), abs=0.5)
    assert rows[-1][1:] == ["1.000000000000", str(len(values))]
    assert all(len(row) == 4 for row in rows[:-1])
    for (value, share, total, *_), percent in zip(rows, levels(len(values)), strict=True):
        assert float(value) * 1000 == pytest.approx(latencies.at(percent), abs=0.5)
        assert float(share) == pytest.approx(percent / 100, abs=1e-9)
        assert int(total) == sum(one <= latencies.at(percent) for one in values)


@pytest.mark.parametrize("values", [[0], [70] * 3, range(0, 10**9, 10**6)], ids=["zero", "equal", "many"])
def test_a_plot_has_a_line_for_us_and_one_for_the_floor(values):
    """In order from left to right and from fast to slow, inside the picture, whatever was measured."""
    floor = Latencies([50, 60_000])

    svg = ElementTree.fromstring(
        render_plot("<b> & c", {"one-way": Latencies(values), "hiccup floor": floor})
    )

    names = {element.text for element in svg.findall(".//{*}text")}
    assert {"<b> & c", "one-way", "hiccup floor", "50 %", "90 %"} <= names
    lines = [line.get("points").split() for line in svg.findall(".//{*}polyline")]
    assert len(lines) == 2
    for line in lines:
        points = [tuple(map(float, point.split(","))) for point in line]
        assert points == sorted(points, key=lambda point: (point[0], -point[1]))
        assert all(0 <= x <= 760 and 0 <= y <= 440 for x, y in points)
