import pytest

from messenger.gate.error import GateError
from messenger.gate.settings import Settings, find_root, read_settings


def settings_of(tmp_path, text):
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    return read_settings(tmp_path)


def test_without_pyproject_everything_has_a_default(tmp_path):
    assert read_settings(tmp_path) == Settings(packages=("pytest-benchmark",))


def test_packages_are_by_default_the_projects_dependencies(tmp_path):
    text = '[project]\ndependencies = ["Py_YAML[x]>=6; python_version > \'3\'", "orjson", 7]'

    assert settings_of(tmp_path, text).packages == ("orjson", "py-yaml", "pytest-benchmark")


def test_what_is_set_is_used(tmp_path):
    text = '[tool.messenger.gate]\nbaselines = "perf"\npackages = ["numpy"]\npaths = ["benches"]'

    assert settings_of(tmp_path, text) == Settings(baselines="perf", packages=("numpy",), paths=("benches",))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "[tool.messenger.gate]\nbaseline = 1",
            "unknown field `baseline`; known keys|baselines, packages, paths",
        ),
        ("[tool.messenger.gate]\nbaselines = 1", "Expected `str`"),
        ("[tool", "cannot read"),
    ],
)
def test_a_mistake_is_named(tmp_path, text, reason):
    with pytest.raises(GateError, match=reason):
        settings_of(tmp_path, text)


def test_odd_tables_are_not_ours_to_judge(tmp_path):
    assert settings_of(tmp_path, 'tool = 1\nproject = "x"').baselines == "baselines"


def test_the_root_is_the_nearest_project(tmp_path):
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "a" / "b").mkdir(parents=True)

    assert find_root(tmp_path / "a" / "b") == tmp_path
