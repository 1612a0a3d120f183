"""A base that asks for other packages gets them, from wheels made here."""

import zipfile

import pytest

from messenger.gate.error import GateError
from messenger.gate.lockstep.plan import Mode

from .shop import FILES, SLOW, make, measure, rows, write

NEEDS_COG = "import cog\ndef parse(): return sum(range(2000 * cog.TEETH))\ndef ship(): return 1\n"


@pytest.fixture
def index(monkeypatch, tmp_path):
    """A folder that pip takes for the only place where packages are."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for version in ("1.0", "2.0"):
        with zipfile.ZipFile(folder / f"cog-{version}-py3-none-any.whl", "w") as wheel:
            info = f"cog-{version}.dist-info"
            wheel.writestr("cog.py", f"TEETH = {version[0]}\n")
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: cog\nVersion: {version}\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.delenv("PIP_REQUIRE_VIRTUALENV", raising=False)


def project(tmp_path, base_files):
    """Make a project whose base has *base_files*, and whose head needs nothing."""
    folder = make(tmp_path / "shop", FILES | base_files)
    for name in base_files.keys() - FILES.keys():
        (folder / name).unlink()
    write(folder, FILES)
    return folder


@pytest.mark.parametrize(
    "asks",
    [
        {"requirements.txt": "cog==1.0\n"},
        {"pyproject.toml": FILES["pyproject.toml"].replace('"shop"', '"shop"\ndependencies = ["cog<2"]')},
    ],
    ids=["requirements", "pyproject"],
)
def test_a_base_that_asks_for_another_package_has_it(monkeypatch, tmp_path, index, asks):
    """With the head's packages it could not even be imported."""
    folder = project(tmp_path, asks | {"src/shop/__init__.py": NEEDS_COG})
    write(folder, {"src/shop/__init__.py": SLOW})

    duel = measure(monkeypatch, folder, only=("parse",))

    assert duel.base_packages == ("cog 1.0",)
    assert duel.mode is not Mode.FORKED  # two environments have no parent in common
    assert rows(duel)["test_parse"].status == "regressed"


def test_the_project_may_say_what_pip_installs(monkeypatch, tmp_path, index):
    folder = project(tmp_path, {"uv.lock": "cog 1", "src/shop/__init__.py": NEEDS_COG})
    setting = '[tool.messenger.gate]\ninstall = ["cog==1.0"]'
    write(folder, {"pyproject.toml": FILES["pyproject.toml"].replace("[tool.messenger.gate]", setting)})

    assert measure(monkeypatch, folder, only=("parse",)).base_packages == ("cog 1.0",)


@pytest.mark.parametrize("asks", ["pytest\n", "# nothing\n"])
def test_a_base_that_has_all_it_asks_for_is_forked(monkeypatch, tmp_path, index, asks):
    """Another version of a tool in a lock file is no reason for a less exact mode."""
    duel = measure(monkeypatch, project(tmp_path, {"requirements.txt": asks}), only=("parse",))

    assert (duel.mode, duel.base_packages) == (Mode.FORKED, ())
    assert duel.changed_dependencies == ("requirements.txt",)


def test_a_base_that_cannot_be_built_could_not_tell(monkeypatch, tmp_path, index):
    folder = project(tmp_path, {"requirements.txt": "cog==9.0\n"})

    with pytest.raises(GateError, match="cannot install what the base asks for") as raised:
        measure(monkeypatch, folder)

    assert raised.value.exit_code == 3
    assert "cog==9.0" in str(raised.value)
    assert "--same-packages" in str(raised.value)


def test_what_the_base_asks_for_may_be_ignored(monkeypatch, tmp_path, index):
    """Where no index can be reached."""
    folder = project(tmp_path, {"requirements.txt": "cog==9.0\n"})

    duel = measure(monkeypatch, folder, only=("parse",), same_packages=True)

    assert (duel.mode, duel.base_packages) == (Mode.FORKED, ())


BUILD = """
import pathlib
source = pathlib.Path("src/shop/parse.txt").read_text()
assert "broken" not in source, "no such register"
pathlib.Path("src/shop/built.py").write_text(f"def parse(): return {source}")
"""
COMPILED = FILES | {
    "pyproject.toml": FILES["pyproject.toml"].replace(
        "[tool.messenger.gate]", '[tool.messenger.gate]\nbuild = ["python", "compile.py"]'
    ),
    ".gitignore": "__pycache__\nbuilt.py\n",
    "compile.py": BUILD,
    "src/shop/parse.txt": "sum(range(2000))",
    "src/shop/__init__.py": "from .built import parse\ndef ship(): return 1\n",
}


def test_what_must_be_compiled_is_compiled_in_both_trees(monkeypatch, tmp_path):
    """Git knows sources only."""
    folder = make(tmp_path, COMPILED)
    write(folder, {"src/shop/parse.txt": "sum(range(6000))"})

    assert rows(measure(monkeypatch, folder, only=("parse",)))["test_parse"].status == "regressed"


@pytest.mark.parametrize("side", ["base", "head"])
def test_a_tree_that_cannot_be_compiled_could_not_tell(monkeypatch, tmp_path, side):
    folder = make(tmp_path, COMPILED | ({"src/shop/parse.txt": "broken"} if side == "base" else {}))
    write(folder, {"src/shop/parse.txt": "1" if side == "base" else "broken"})

    with pytest.raises(GateError, match=f"cannot build the {side}") as raised:
        measure(monkeypatch, folder)

    assert raised.value.exit_code == 3
    assert "no such register" in str(raised.value)


def test_a_build_command_that_there_is_not_is_named(monkeypatch, tmp_path):
    settings = COMPILED["pyproject.toml"].replace('"python"', '"pyton"')
    folder = make(tmp_path, COMPILED | {"pyproject.toml": settings})

    with pytest.raises(GateError, match=r"cannot build the base .*pyton compile.py"):
        measure(monkeypatch, folder)


def test_a_base_whose_own_benches_are_broken_says_that_nothing_can_be_missed(monkeypatch, tmp_path):
    """Otherwise a benchmark that vanished would vanish in silence."""
    folder = make(tmp_path, FILES | {"tests/conftest.py": "import nothing_like_this\n"})
    write(folder, {"tests/conftest.py": ""})

    duel = measure(monkeypatch, folder, only=("parse",))

    assert not duel.base_collected
    assert rows(duel)["test_parse"].status != "failed"
