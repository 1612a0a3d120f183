"""Others: what pytest-benchmark, asv and the gate say of the same commits, whose speed is known.

Run by hand, in turns on one machine:
`python benches/gate/others.py --comparisons 30 --burner --asv PYTHON --markdown FILE`
"""

import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from time import monotonic

import click
import msgspec

from messenger.gate.command import _leave_tidily
from messenger.gate.lockstep import sample
from messenger.gate.lockstep.compare import compare_commits
from messenger.gate.lockstep.judge import Finding, judge
from messenger.gate.lockstep.order import Order
from messenger.gate.lockstep.self_check import SLOWDOWNS, _burner, _choose, wilson
from messenger.gate.machine import capture
from messenger.gate.progress import hide_progress, show_progress
from messenger.gate.settings import Settings

# 5 % as a threshold can name but half of the slowdowns of 5 %, so each tool gets one below, as the gate has.
_FAILS = ("mean:5%", "median:5%", "min:5%", "min:3%")
_FACTORS = ("1.1", "1.05", "1.035")

_FAILED = re.compile(
    r"test_speed\[(\w+)\] .* - Field '(\w+)' has failed PercentageRegressionCheck: \S+ > (\d+)\."
)

# A row of asv's table: + is slower. Where a side failed, the ratio is n/a, and the row is not counted.
_ROW = re.compile(r"^\| (.) .*\d\.\d+ +\| speed\.time_(\w+) ", re.MULTILINE)

_FILE = click.Path(path_type=Path)

# asv's own way to install needs a build backend and a wheel; the speed is that of the same files.
_INSTALL = (
    "import shutil, sysconfig; place = sysconfig.get_path('purelib') + '/shop'; "
    "shutil.rmtree(place, ignore_errors=True); shutil.copytree('src/shop', place)"
)


class Opinion(msgspec.Struct, frozen=True):
    """The functions that a tool called slower by one of its rules; the seconds are for all of its rules."""

    tool: str
    rule: str
    named: frozenset[str]
    seconds: float


class Comparison(msgspec.Struct, frozen=True):
    """Two commits, and the opinions. truth: by what fraction each function is slower, if it is."""

    truth: dict[str, float]
    opinions: tuple[Opinion, ...]


@click.command()
@click.option("--comparisons", type=click.IntRange(min=2), required=True, help="How many; half are harmless.")
@click.option("--asv", metavar="PYTHON", help="A python that has asv and virtualenv; without it, no asv.")
@click.option("--burner", is_flag=True, help="Use the cores up at random meanwhile.")
@click.option("--keep", type=_FILE, help="Write a line a comparison, and count those that it holds already.")
@click.option("--markdown", type=_FILE, help="Write the table.")
def main(comparisons: int, asv: str | None, burner: bool, keep: Path | None, markdown: Path | None) -> None:
    """Let three tools judge commits whose speed is known, and say how often each is right."""
    if asv is None:
        click.echo("asv is left out: name a python that has it with --asv PYTHON", err=True)
    found = _kept(keep) if keep else []
    with tempfile.TemporaryDirectory(prefix="messenger-others-") as folder, _burner(burner):
        root = Path(folder, "shop")
        sample.create(root)
        if asv:
            _prepare_asv(Path(folder))
        with show_progress("others", unit="comparison") as progress:
            while len(found) < comparisons:
                progress.start(len(found) + 1, comparisons)
                truth = _choose(random.Random()) if len(found) % 2 else {}
                found.append(_compare(Path(folder), root, truth, asv))
                if keep:
                    with keep.open("ab") as file:
                        file.write(msgspec.json.encode(found[-1]) + b"\n")
                progress.finish()
    text = _render(found, burner)
    if markdown:
        markdown.write_text(text, encoding="utf-8")
    click.echo(text, nl=False)


def _kept(keep: Path) -> list[Comparison]:
    try:
        lines = keep.read_bytes().splitlines() if keep.exists() else []
        return [msgspec.json.decode(line, type=Comparison) for line in lines]
    except (OSError, msgspec.DecodeError) as error:
        raise click.ClickException(f"cannot go on from {keep}: {error}; name another file") from error


def _compare(folder: Path, root: Path, truth: Mapping[str, float], asv: str | None) -> Comparison:
    sample.write(root, {})
    sample.commit(root)
    sample.write(root, truth, random.choice(sample.HARMLESS))
    sample.commit(root)
    tools: list[Callable[[], Iterator[Opinion]]]
    tools = [lambda: _ask_pytest_benchmark(root), lambda: _ask_gate(root)]
    if asv:
        tools.append(lambda: _ask_asv(folder, root, asv))
    random.shuffle(tools)
    return Comparison(dict(truth), tuple(opinion for ask in tools for opinion in ask()))


def _ask_pytest_benchmark(root: Path) -> Iterator[Opinion]:
    """Run the base's suite and save it, then the head's and let it fail: its manual's way."""
    began = monotonic()
    with tempfile.TemporaryDirectory(prefix="messenger-others-") as storage:
        common = ["-m", "pytest", "tests", "-p", "no:messenger_gate", "-p", "no:cacheprovider"]
        common += ["-o", "pythonpath=src", "--benchmark-only", f"--benchmark-storage=file://{storage}"]
        _git(root, "checkout", "--quiet", "--detach", "HEAD~1")
        _run([sys.executable, *common, "--benchmark-save=base"], root)
        _git(root, "checkout", "--quiet", "-")
        judging = ["--benchmark-compare=0001", "--benchmark-compare-fail", *_FAILS]
        said = _run([sys.executable, *common, *judging], root)
    _require_all("pytest-benchmark", said.count("(NOW)"), said)
    failed = [(name, f"{field}:{percent}%") for name, field, percent in _FAILED.findall(said)]
    for rule in _FAILS:
        named = frozenset(name for name, failing in failed if failing == rule)
        yield Opinion("pytest-benchmark", f"`compare-fail={rule}`", named, monotonic() - began)


def _prepare_asv(folder: Path) -> None:
    """Configure asv in *folder*, which is its home too, for it looks there for its machine."""
    functions = [f"def time_{name}():\n    shop.{name}()\n" for name in sample.NAMES]
    (folder / "benchmarks").mkdir()
    (folder / "benchmarks" / "__init__.py").touch()
    (folder / "benchmarks" / "speed.py").write_text("import shop\n" + "".join(functions), encoding="utf-8")
    settings = {
        "version": 1,
        "project": "shop",
        "repo": "shop",
        "branches": ["HEAD"],
        "environment_type": "virtualenv",
        "build_command": [],
        "install_command": [f'python -c "{_INSTALL}"'],
        "uninstall_command": [],
    }
    (folder / "asv.conf.json").write_bytes(msgspec.json.encode(settings))


def _ask_asv(folder: Path, root: Path, python: str) -> Iterator[Opinion]:
    """Let `asv continuous` measure with all its defaults, and `asv compare` judge what it has kept."""
    asv = [python, "-m", "asv"]
    home = {"HOME": str(folder), "PATH": f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}"}
    commits = [_git(root, "rev-parse", name).strip() for name in ("HEAD~1", "HEAD")]
    if not (folder / ".asv-machine.json").exists():
        _run([*asv, "machine", "--yes"], folder, home)
        _run([*asv, "setup"], folder, home)  # once for all comparisons, so that none is charged for it
    began = monotonic()
    measured = _run([*asv, "continuous", *commits], folder, home)
    seconds = monotonic() - began
    for factor in _FACTORS:
        said = _run([*asv, "compare", f"--factor={factor}", *commits], folder, home)
        marks = {name: mark for mark, name in _ROW.findall(said)}
        _require_all("asv", len(marks), measured + said)
        named = frozenset(name for name, mark in marks.items() if mark == "+")
        yield Opinion("asv continuous", f"`--factor {factor}`", named, seconds)


def _ask_gate(root: Path) -> Iterator[Opinion]:
    duel = compare_commits(Order(ref="HEAD~1", paths=("tests",)), Settings(), root, hide_progress)
    _require_all("the gate", len(duel.bouts), str(duel.troubles))
    judged = judge({bout.name: bout.ratios for bout in duel.bouts})
    named = {n for n in sample.NAMES if judged[sample.benchmark_name(n)].finding is Finding.REGRESSED}
    yield Opinion("messenger gate", "`check --base`", frozenset(named), duel.seconds)


def _require_all(tool: str, judged: int, said: str) -> None:
    if judged != len(sample.NAMES):
        raise click.ClickException(f"{tool} judged {judged} of eight benchmarks; it said:\n{said[-4000:]}")


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


def _run(command: list[str], folder: Path, more: Mapping[str, str] | None = None) -> str:
    """Return all that *command* says; it may fail, for that is how these tools call a commit slower."""
    # Bytecode would be committed with the sample, and an old one could be taken for a new one.
    surroundings = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(more or {})}
    done = subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True)
    return done.stdout + done.stderr


def _render(comparisons: Sequence[Comparison], burning: bool) -> str:
    harmless = sum(not comparison.truth for comparison in comparisons)
    burner = ", while a CPU burner toggled at random on every core" if burning else ""
    lines = [
        f"{len(comparisons)} comparisons of two commits with eight benchmarks, {harmless} of them harmless, "
        f"on {capture(()).slug}{burner}.",
        "The tools took turns in random order on the same commits; in brackets, 95 % intervals.",
        "",
        "| tool | rule | harmless commits red | 5 % slower, named | 10 % slower, named "
        "| untouched beside slowed, named | seconds |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    rules = dict.fromkeys((o.tool, o.rule) for comparison in comparisons for o in comparison.opinions)
    for tool, rule in sorted(rules):
        heard = [(c.truth, o) for c in comparisons for o in c.opinions if (o.tool, o.rule) == (tool, rule)]
        red = [bool(opinion.named) for truth, opinion in heard if not truth]
        cells = [_rate(red), *(_rate(_named(heard, slower)) for slower in (*SLOWDOWNS, 0.0))]
        seconds = statistics.median(opinion.seconds for _, opinion in heard)
        lines.append(f"| {tool} | {rule} | {' | '.join(cells)} | {seconds:.0f} |")
    return "\n".join(lines) + "\n"


def _named(heard: Sequence[tuple[dict[str, float], Opinion]], slower: float) -> list[bool]:
    """Tell of each function that was so much *slower* in a commit that slowed some, whether it was named."""
    return [
        name in opinion.named
        for truth, opinion in heard
        if truth
        for name in sample.NAMES
        if truth.get(name, 0.0) == slower
    ]


def _rate(hits: Sequence[bool]) -> str:
    low, high = wilson(sum(hits), len(hits))
    return f"{sum(hits)} of {len(hits)} ({low:.0%} to {high:.0%})"


if __name__ == "__main__":
    _leave_tidily()
    main()
