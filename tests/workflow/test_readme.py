"""The page of this room: what is to be tried gives what is printed."""

import re
import shlex
from pathlib import Path

import pytest

import messenger.workflow

from .verbs import run, said, start

TEXT = Path(messenger.workflow.__file__).with_name("README.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def transcript(block):
    """Yield each command of a session, and what it is to print."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield shlex.split(command)[2:], output


@pytest.fixture
def folder_of_a_stranger(tmp_path, monkeypatch):
    (tmp_path / "orders.py").write_text(blocks("python")[0])
    monkeypatch.chdir(tmp_path)


def test_what_is_to_be_tried_gives_what_is_printed(folder_of_a_stranger, database):
    """It is the first thing that anyone does, and often the last."""
    worked, tried = (list(transcript(block)) for block in blocks("console"))
    [(work, _)] = worked
    worker = start(*work, "--url", database)
    said(worker, "is ready for orders 1 (reserve, charge, pack, ship)")

    printed = [(argv, run(*argv, "--url", database)[1]) for argv, _ in tried]

    worker.terminate()
    worker.communicate(timeout=60)
    assert worker.returncode == 0
    assert printed == tried


def test_the_verbs_are_those_there_are():
    """A table that lacks one hides it."""
    from messenger.workflow.command import _VERBS

    table = TEXT.partition("## The verbs")[2]
    named = {
        word
        for cell in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
        for word in re.findall(r"`([a-z-]+)", cell)
    }
    assert named - {"messenger"} == {*_VERBS}
