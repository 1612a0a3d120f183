import pytest

from messenger.gate.lockstep.dependencies import changed_dependencies

PROJECT = '[project]\nname = "shop"\nversion = "{version}"\ndependencies = ["{needs}"]\n'


def tree(folder, files):
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("base", "head", "changed"),
    [
        ({"uv.lock": "1"}, {"uv.lock": "2"}, ("uv.lock",)),
        ({}, {"requirements-dev.txt": "x"}, ("requirements-dev.txt",)),
        ({"uv.lock": "1"}, {"uv.lock": "1"}, ()),
        (
            {"pyproject.toml": PROJECT.format(version=1, needs="a")},
            {"pyproject.toml": PROJECT.format(version=1, needs="a>2")},
            ("pyproject.toml",),
        ),
        (
            {"pyproject.toml": PROJECT.format(version=1, needs="a")},
            {"pyproject.toml": PROJECT.format(version=2, needs="a")},
            (),
        ),
        ({"pyproject.toml": "not toml ["}, {"pyproject.toml": "not toml ["}, ()),
    ],
)
def test_what_asks_for_other_packages_is_named(tmp_path, base, head, changed):
    """Both sides run with the packages of the head: a reader must know when the base had others."""
    trees = tree(tmp_path / "base", base), tree(tmp_path / "head", head)

    assert changed_dependencies(*trees) == changed
