"""Check: a checkout is held against a commit, both measured now."""

import json
import math
import os
import shlex
from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import msgspec

from ..accepted import read_accepted
from ..comparison import Comparison, Status
from ..error import GateError
from ..progress import show_progress
from ..settings import Settings
from ..verdict import Commands, Verdict, judge
from .compare import compare_commits
from .duel import SCHEMA, Duel
from .findings import circumstances_of, rows_of
from .order import Order


def check_side_by_side(order: Order, settings: Settings, root: Path, baselines: Path) -> Verdict:
    """Measure and judge; accepted slowdowns are read from the folder *baselines*.

    Raises:
        GateError: see `compare_commits`; or accepted.toml cannot be read.
    """
    read_accepted(baselines)  # a mistake in it should not cost a measurement
    order = msgspec.structs.replace(order, paths=order.paths or settings.paths)
    duel = compare_commits(order, settings, root, partial(show_progress, unit="pair"))
    return _judged(duel, baselines, order.words)


def judge_again(file: Path, baselines: Path) -> Verdict:
    """Judge what *file*, written by `check --base --json`, has measured.

    Raises:
        GateError: the file cannot be read, or holds nothing that was measured side by side.
    """
    try:
        duel = msgspec.json.decode(file.read_bytes(), type=_Document).duel  # of whatever version the rest is
    except OSError as error:
        raise GateError(f"cannot read {file}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise GateError(
            f"{file} holds no pairs to judge: {error}; write such a file with: "
            "messenger gate check --base REF --json FILE"
        ) from error
    if duel.schema_version > SCHEMA:
        raise GateError(
            f"{file} was written by a newer messenger (schema {duel.schema_version}); upgrade here"
        )
    if short := [bout.name for bout in duel.bouts if not bout.complete]:
        raise GateError(
            f"{file} holds no pairs to judge {short[0]} by: 3 or more are needed; measure again with: "
            "messenger gate check --base REF --json FILE"
        )
    return _judged(duel, baselines, ["judge", str(file)])


def _acceptance(rows: Sequence[Comparison], baselines: Path, today: date) -> str:
    """Write what to type when the worst slowdown is meant: its entry, to which a reason has to be added."""
    worst = next((row for row in rows if row.status is Status.REGRESSED and row.change is not None), None)
    if worst is None:
        return ""
    percent = math.ceil(max(worst.change or 0, *(worst.interval or ())) * 100)
    entry = [
        "[[accepted]]",
        f"benchmark = {json.dumps(worst.name)}",
        f"percent = {percent}",
        'reason = "WHY"',
        f"until = {today + timedelta(days=90)}",
    ]
    return (
        f"printf '%s\\n' {shlex.join(entry)} >> {shlex.quote(os.path.relpath(baselines / 'accepted.toml'))}"
    )


class _Document(msgspec.Struct):
    duel: Duel


def _judged(duel: Duel, baselines: Path, arguments: list[str]) -> Verdict:
    rows = rows_of(duel, read_accepted(baselines), date.today())
    commands = Commands(
        reproduce=shlex.join(["messenger", "gate", *arguments]),
        accept=_acceptance(rows, baselines, date.today()),
    )
    return judge(rows, circumstances_of(duel), commands, evidence=duel)
