"""The `messenger` command."""

import subprocess
import sys
from importlib.metadata import version

import pytest

from messenger.__main__ import main

BLOCKED = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {package!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
from messenger.__main__ import main
sys.exit(main({argv!r}))
"""


def python(*arguments):
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )


@pytest.mark.parametrize("argv", [[], ["-h"], ["--help"]], ids=str)
def test_without_a_room_it_shows_the_rooms(capsys, argv):
    """The one command anyone can guess leads to all the others."""
    code = main(argv)

    captured = capsys.readouterr()
    assert (code, captured.err) == (0, "")
    assert "usage: messenger ROOM" in captured.out
    assert "  node       run a Maelstrom node" in captured.out


@pytest.mark.parametrize("room", ["nonsense", "", "__main__", "node.command", "--fast"])
def test_an_unknown_room_is_wrong_usage(capsys, room):
    """Exit code 2, the word, and what there is; nothing on stdout."""
    code = main([room])

    captured = capsys.readouterr()
    assert (code, captured.out) == (2, "")
    assert repr(room) in captured.err
    assert "rooms:" in captured.err


@pytest.mark.parametrize("package", ["click", "pytest", "pytest_benchmark", "rich"])
def test_a_missing_package_names_the_extra_to_install(package):
    """A traceback would not say which of the extras it was."""
    run = python("-c", BLOCKED.format(package=package, argv=["gate", "--help"]))

    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == (
        f"messenger gate: package {package!r} is not installed; "
        "install messenger again with its extra 'gate': pip install '.[gate]' in its checkout\n"
    )


def test_a_room_needs_only_its_own_packages():
    """The node runs where the gate could not."""
    run = python("-c", BLOCKED.format(package="click", argv=["node"]))

    assert (run.returncode, run.stderr) == (0, "")


def test_a_module_of_ours_that_is_missing_is_our_bug():
    """Telling the user to install something would be a lie."""
    run = python("-c", BLOCKED.format(package="messenger.node", argv=["--help"]))
    broken = python(
        "-c",
        "import sys; sys.modules['messenger.node.workloads'] = None\n"
        "from messenger.__main__ import main; sys.exit(main(['node', '--help']))",
    )

    assert run.returncode == 0
    assert broken.returncode == 1
    assert "pip install" not in broken.stderr


def test_python_dash_m_is_the_command():
    """For those whose PATH does not know the script."""
    run = python("-m", "messenger", "--help")

    assert run.returncode == 0
    assert run.stdout.startswith("usage: messenger ROOM")


def test_the_exit_code_reaches_the_shell():
    """CI reads nothing else."""
    run = python("-m", "messenger", "node", "nonsense")

    assert run.returncode == 2


def test_the_version_is_that_of_the_package():
    run = python("-m", "messenger", "--version")

    assert (run.returncode, run.stdout) == (0, f"messenger {version('messenger')}\n")
