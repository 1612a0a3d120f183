"""What is written to a terminal, and written again."""

from messenger.workflow.drawing.terminal import rewrite


def test_a_line_that_wraps_is_as_many_rows(monkeypatch, capsys):
    """The cursor would not go back far enough, and what was drawn before would be left above."""
    monkeypatch.setenv("COLUMNS", "10")
    monkeypatch.setenv("LINES", "24")

    rows = rewrite(["x" * 25, "", "\x1b[31m东东东东东\x1b[0m", "ab"], 0)
    rewrite(["done"], rows)

    assert rows == 3 + 1 + 1 + 1
    assert capsys.readouterr().out.endswith("ab\n\x1b[6F\x1b[Jdone\n")


def test_what_is_higher_than_the_terminal_is_written_from_its_top(monkeypatch, capsys):
    """No cursor goes back to what has scrolled away."""
    monkeypatch.setenv("COLUMNS", "10")
    monkeypatch.setenv("LINES", "5")

    rewrite(["done"], 5)

    assert capsys.readouterr().out == "\x1b[H\x1b[Jdone\n"
