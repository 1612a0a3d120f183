"""Benchmarks that do what no benchmark should: each costs itself, and no other."""

import os
import signal
from pathlib import Path

import pytest

from ..project import start
from .shop import FILES, make, measure, rows

BENCHES = """
import os, signal, subprocess, sys, threading, time, pytest, shop

def test_first(benchmark): benchmark(shop.parse)

def test_exits(benchmark):
    print("the last words")
    benchmark(lambda: os._exit(7))

def test_segfaults(benchmark): benchmark(lambda: os.kill(os.getpid(), signal.SIGSEGV))

def test_hangs(benchmark):
    print("now I wait")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    benchmark(signal.pause)

def test_dies_late(benchmark):
    calls = []
    def die():
        calls.append(1)
        if len(calls) > 3: os._exit(0)
    benchmark(die)

def test_forks(benchmark):
    def fork():
        child = os.fork()
        if not child: os._exit(0)
        os.waitpid(child, 0)
    benchmark(fork)

def test_prints(benchmark):
    benchmark(lambda: print("x" * 100, file=sys.__stdout__))
    os.write(1, b'{"ready": "nonsense"}\\n')

def test_goes_away(benchmark, tmp_path):
    os.chdir(tmp_path)
    os.environ.clear()
    benchmark(shop.parse)
    tmp_path.rmdir()

def test_leaves_a_thread(benchmark):
    threading.Thread(target=threading.Event().wait).start()
    benchmark(shop.parse)

def test_leaves_a_process(benchmark):
    benchmark(shop.parse)
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    with open(os.path.join(shop.__path__[0], "child"), "w") as file: file.write(str(child.pid))

def test_exits_politely(benchmark): benchmark(sys.exit)

def test_last(benchmark):
    assert os.path.exists("pyproject.toml")
    benchmark(shop.parse)
"""
HARMLESS = ["first", "forks", "prints", "goes_away", "leaves_a_thread", "leaves_a_process", "last"]


@pytest.fixture(scope="module")
def duel(tmp_path_factory):
    folder = make(tmp_path_factory.mktemp("wild"), FILES | {"tests/test_speed.py": BENCHES})
    with pytest.MonkeyPatch.context() as monkeypatch:
        return measure(monkeypatch, folder, timeout_seconds=10.0)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_does_no_harm_is_measured(duel, name):
    """What a neighbour has done must not cost a benchmark its verdict."""
    assert rows(duel)[f"test_{name}"].change is not None


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("exits", "crashed (exit status 7)"),
        ("segfaults", "crashed (killed by SIGSEGV)"),
        ("hangs", "hung for 10 s"),
        ("dies_late", "crashed (exit status 0)"),
        ("exits_politely", "failed"),
    ],
)
def test_what_does_harm_is_lost_alone_and_told_of(duel, name, how):
    assert rows(duel)[f"test_{name}"].note.startswith(how)


@pytest.mark.parametrize(("name", "words"), [("exits", "the last words"), ("hangs", "now I wait")])
def test_its_last_words_are_kept(duel, name, words):
    """Who has to mend it needs what it printed."""
    (trouble,) = [trouble for trouble in duel.troubles if trouble.name.endswith(f"test_{name}")]

    assert words in trouble.text


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_comparison_leaves_nothing_behind(tmp_path, monkeypatch, how, code):
    """Ctrl-C must leave no benchmark that burns a core, no worktree, and no folder."""
    pipe, temporary = tmp_path / "pipe", tmp_path / "temporary"
    os.mkfifo(pipe)
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    bench = (
        "import os, signal\n"
        "def wait():\n"
        f"    with open({str(pipe)!r}, 'w') as pipe: pipe.write(f'{{os.getpid()}} {{os.getppid()}}')\n"
        "    signal.pause()\n"
        "def test_a(benchmark): benchmark(wait)\n"
    )
    folder = make(tmp_path / "shop", FILES | {"tests/test_speed.py": bench})

    child = start(folder, "messenger", "gate", "check", "--base", "HEAD")
    measuring = [int(number) for number in pipe.read_text().split()]
    child.send_signal(how)
    _, err = child.communicate(timeout=60)

    assert (child.returncode, "Traceback" in err) == (code, False)
    assert list(temporary.iterdir()) == []
    assert not (folder / ".git" / "worktrees").exists()
    assert [process for process in measuring if runs(process)] == []


def runs(process):
    """Tell a process from what is left of it until somebody asks for its exit status."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
