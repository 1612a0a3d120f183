"""What the terminal at the other end can show."""

import fcntl
import os
import pty
import struct
import termios

import pytest

from messenger.gate.screen import colourful, columns, dumb


@pytest.fixture
def settings(monkeypatch):
    for name in ("COLUMNS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return monkeypatch


@pytest.fixture
def terminal(settings):
    ours, theirs = pty.openpty()
    with open(theirs, "w") as stream:
        yield stream
    os.close(ours)


def resize(terminal, width):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))


@pytest.mark.parametrize(("width", "drawn"), [(60, 60), (100, 100), (200, 100)])
def test_a_table_is_as_wide_as_the_terminal_and_no_wider_than_can_be_read(terminal, width, drawn):
    resize(terminal, width)

    assert columns(terminal) == drawn


@pytest.mark.parametrize(("asked", "drawn"), [("140", 140), ("0", 80), ("wide", 80), ("", 80)])
def test_whoever_sets_columns_has_decided(terminal, settings, asked, drawn):
    resize(terminal, 80)
    settings.setenv("COLUMNS", asked)

    assert columns(terminal) == drawn


def test_a_log_is_as_wide_as_it_takes(settings, tmp_path):
    with (tmp_path / "log").open("w") as log:
        assert (columns(log), colourful(log)) == (None, False)

        settings.setenv("COLUMNS", "70")
        assert columns(log) == 70


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [("NO_COLOR", "1", False), ("NO_COLOR", "", True), ("TERM", "dumb", False), ("TERM", "xterm", True)],
)
def test_colours_are_for_those_who_see_and_want_them(terminal, settings, name, value, shown):
    """An empty NO_COLOR is as good as none: see no-color.org."""
    settings.setenv(name, value)

    assert colourful(terminal) is shown


def test_a_dumb_terminal_says_so(settings):
    settings.setenv("TERM", "dumb")

    assert dumb()
