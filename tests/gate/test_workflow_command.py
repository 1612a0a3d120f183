import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from messenger.gate.command import main
from messenger.gate.workflow_command import GitHubLog, defuse, write_command

from .samples import name, report, write

NAMES = ("error", "warning", "add-mask", "stop-commands", "set-env", "group")
# What attacks are made of, rather than all of Unicode.
HOSTILE = st.lists(
    st.sampled_from(
        [
            "::",
            ":",
            "#",
            "##[",
            "[",
            "]",
            "error",
            "add-mask",
            " ",
            "\t",
            "\n",
            "\r",
            "\u200b",
            "\u00ad",
            "%0A",
            "x",
        ]
    ),
    max_size=12,
).map("".join)


def commands_in(log):
    """Find the commands in *log* as GitHub's runner does, were its comparison blind for what has no width.

    Source: ActionCommand.TryParseV2 and TryParse in github.com/actions/runner.
    """
    found = []
    for line in log.replace("\r", "\n").split("\n"):
        seen = "".join(char for char in line if unicodedata.category(char) not in ("Cf", "Cc", "Mn"))
        if seen.strip().startswith("::") and "::" in seen.strip()[2:]:
            found.append(seen.strip()[2:].partition("::"))
        elif "##[" in seen and "]" in seen.partition("##[")[2]:
            found.append(seen.partition("##[")[2].partition("]"))
    return [(about, message) for about, _, message in found]


def parse(line):
    [(about, message)] = commands_in(line)
    command, _, given = about.partition(" ")
    properties = dict(pair.split("=", 1) for pair in given.split(",") if pair)
    return command, unescape(message), {key: unescape(value) for key, value in properties.items()}


def unescape(text):
    for token, escaped in (("\r", "%0D"), ("\n", "%0A"), (":", "%3A"), (",", "%2C"), ("%", "%25")):
        text = text.replace(escaped, token)
    return text


def test_the_reader_of_this_file_finds_commands():
    """A reader that finds none would be content with everything."""
    assert commands_in(" ::error::a\nb ##[add-mask]c\n#\u200b#[x]d") == [
        ("error", "a"),
        ("add-mask", "c"),
        ("x", "d"),
    ]


@given(HOSTILE)
@example("#" * 5 + "[error]")
@example("\u3000::error::x")
def test_what_is_defused_holds_no_command(text):
    assert commands_in(defuse(text)) == []


@given(HOSTILE)
def test_what_is_defused_has_lost_nothing(text):
    assert defuse(text).replace("\\", "") == text


@pytest.mark.parametrize("text", ["a.py::b", "#3 [x]", "a::b ## [c]", "│ ::x::y"])
def test_what_is_no_command_stays_as_it_is(text):
    """Every name of pytest has colons in it."""
    assert defuse(text) == text


@given(message=st.text("ab%\r\n:,=#[]@0DA"), value=st.text("ab%\r\n:,=#[]@0DA", min_size=1))
def test_a_command_says_what_it_was_given(message, value):
    """A name must neither end the command it stands in nor begin another one."""
    line = write_command("error", f"x{message}", title=f"x{value}")

    assert "\n" not in line
    assert parse(line) == ("error", f"x{message}", {"title": f"x{value}"})


class Stream:
    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def test_a_command_in_pieces_is_none_either():
    """What is printed arrives in whatever pieces the printing has."""
    stream = Stream()
    log = GitHubLog(stream)

    for piece in ("a:", "\n:", ":err", "or::x\n#", "#", "[error]y", "\nthe end"):
        log.write(piece)
    log.flush()

    assert stream.text == "a:\n\\::error::x\n#\\#[error]y\nthe end"


@pytest.fixture
def on_github(tmp_path, monkeypatch, capsys):
    """Run the command as a job on GitHub does; return its exit status and the commands in its log."""
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path.parent))

    def run(*arguments):
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, commands_in(captured.out) + commands_in(captured.err)

    return run


HOSTILE_NAME = name("a") + "[\n::add-mask::x\n##[stop-commands]y]"


def test_a_failure_is_shown_beside_its_code(tmp_path, on_github):
    """Paths are those of the repository, whose folder the project is."""
    (tmp_path / "benches" / "node").mkdir(parents=True)
    (tmp_path / "benches/node/bench_parse.py").write_text("\n\ndef bench_parse(benchmark): pass\n")
    slow = report({name("parse"): 9e-7})
    slow["benchmarks"][0]["extra_info"] = {}
    for number in range(5):
        run = write(tmp_path / f"{number}.json", report({name("parse"): 450e-9}, process=str(number)))
    on_github("accept", *(tmp_path / f"{number}.json" for number in range(5)))

    status, commands = on_github("check", write(run, slow))

    assert (status, len(commands)) == (1, 1)
    assert commands[0][1] == "slowed down 2.00x: 450 ns -> 900 ns, tolerance 10 %25"


def test_no_name_is_obeyed_whatever_is_printed_of_it(tmp_path, on_github):
    run = write(tmp_path / "run.json", report({HOSTILE_NAME: 1e-6}))

    assert on_github("accept", run) == (0, [])
    assert on_github("check", run) == (0, [])
    assert on_github("check", "--##[add-mask]x") == (2, [])


def test_what_cannot_be_judged_is_shown_where_failures_are(on_github):
    """A red step whose reason stands somewhere in its log is looked at last."""
    status, [(about, message)] = on_github("check", "##[add-mask]x\n::add-mask::y.json")

    assert (status, about) == (2, "error title=messenger gate")
    assert message.startswith("cannot read ##[add-mask]x%0A::add-mask::y.json: No such file")


def test_elsewhere_nothing_is_printed_for_github(tmp_path, on_github, monkeypatch, capsys):
    monkeypatch.setenv("GITHUB_ACTIONS", "")

    on_github("accept", write(tmp_path / "run.json", report({name("a"): 1.0})))
    status, commands = on_github("check", write(tmp_path / "other.json", report({}, process="p2")))

    assert (status, commands) == (1, [])
