"""Measure: runs benchmarks in fresh pytest processes, each of which is one sample."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import msgspec

from .error import GateError
from .process import Process, Stamp, read_process
from .progress import Progress

_POLL_SECONDS = 0.5
_GRACE_SECONDS = 5
_TAIL_LINES = 40


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure in how many processes: pytest's paths, narrowed to patterns (`only`) or exact names."""

    paths: tuple[str, ...]
    processes: int
    only: tuple[str, ...] = ()
    names: tuple[str, ...] | None = None


class _Event(msgspec.Struct):
    """A line from the child: what it is going to do, or which benchmark it has finished, in which time."""

    stamp: Stamp | None = None
    benchmarks: int = 0
    finished: str = ""
    q25_ns: float | None = None


def measure(order: Order, folder: Path, progress: Progress) -> tuple[Process, ...]:
    """Run pytest `order.processes` times from the current folder, one after the other.

    Reports and outputs are left in *folder*, which must exist. A process that found no benchmark gives a
    `Process` without measurements.

    Raises:
        GateError: a test failed or the process crashed (exit code 1), or pytest could not run or collect (2).
    """
    return tuple(_measure_once(order, folder, number, progress) for number in range(1, order.processes + 1))


def _measure_once(order: Order, folder: Path, number: int, progress: Progress) -> Process:
    # Several orders may share a folder: the first measurement and its confirmation.
    place = Path(tempfile.mkdtemp(prefix=f"process-{number}-", dir=folder))
    report, events = place / "report.json", place / "events.jsonl"
    events.touch()
    progress.start(number, order.processes)
    code = _run(_command(order, place, report, events), place, events, progress)
    stamp = _read_events(events, 0, progress=None)[1]
    if code not in (0, 5) or stamp is None:
        raise _failure(code, (place / "output.txt").read_text(encoding="utf-8", errors="replace"), stamp)
    progress.finish()
    if report.exists() and report.stat().st_size:
        return read_process(report)
    return Process(
        origin=str(report),
        identity=stamp.process,
        date="",
        environment=stamp.environment,
        commit=stamp.commit,
        paths=stamp.paths,
        only=stamp.only,
    )


def _command(order: Order, place: Path, report: Path, events: Path) -> list[str]:
    command = [sys.executable, "-m", "pytest", "-p", "messenger_gate"]
    command += [
        "--benchmark-enable",
        "--benchmark-only",
        f"--benchmark-json={report}",
        f"--gate-events={events}",
    ]
    # What makes a suite's ordinary tests fast or informative makes its timings wrong.
    command += ["-n0"] if find_spec("xdist") else []
    command += ["--no-cov"] if find_spec("pytest_cov") else []
    command += [f"--gate-only={pattern}" for pattern in order.only]
    if order.names is not None:
        names = place / "names.json"
        names.write_bytes(msgspec.json.encode(order.names))
        command.append(f"--gate-names={names}")
    return [*command, *order.paths]


def _run(command: Sequence[str], place: Path, events: Path, progress: Progress) -> int:
    with (place / "output.txt").open("wb") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    seen = 0
    with _ended_with_us(child):
        while True:
            try:
                code = child.wait(_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                seen = _read_events(events, seen, progress)[0]
            else:
                _read_events(events, seen, progress)  # what came since the last look
                return code
    raise AssertionError("the loop returns")


def _read_events(path: Path, seen: int, progress: Progress | None) -> tuple[int, Stamp | None]:
    """Read whole lines after byte *seen*; returns where to go on, and the child's stamp if it came by."""
    with path.open("rb") as file:
        file.seek(seen)
        whole = file.read().rpartition(b"\n")[0]
    stamp = None
    for line in whole.splitlines():
        event = msgspec.json.decode(line, type=_Event)
        stamp = event.stamp or stamp
        if progress is not None and event.stamp:
            progress.expect(event.benchmarks)
        elif progress is not None:
            progress.advance(event.finished, event.q25_ns)
    return seen + len(whole) + bool(whole), stamp


@contextmanager
def _ended_with_us(child: "subprocess.Popen[bytes]") -> Iterator[None]:
    """End the child and its own children when we are interrupted or told to terminate."""
    try:
        yield
    except BaseException:
        _end(child)
        raise


def _end(child: "subprocess.Popen[bytes]") -> None:
    # Twice in any case: a child that went politely may have left servers of its own behind.
    for how in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        try:
            if hasattr(os, "killpg"):
                os.killpg(child.pid, how)
            else:
                child.terminate()
            child.wait(_GRACE_SECONDS)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _failure(code: int, output: str, stamp: Stamp | None) -> GateError:
    tail = "\n".join(output.splitlines()[-_TAIL_LINES:])
    if code < 0:
        reason, exit_code = f"was killed by {_signal(-code)} while measuring", 1 if stamp else 2
    elif code == 1:
        reason, exit_code = "had failing benchmarks; what fails cannot be timed, so mend it first", 1
    else:
        reason, exit_code = f"could not run (pytest's exit status {code}); mend what it says and try again", 2
    return GateError(f"a measuring pytest process ended so:\n\n{tail}\n\nit {reason}", exit_code)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
