from pathlib import Path

import pytest

from messenger.gate.paths import existing_paths, relative_paths


@pytest.fixture
def project(tmp_path):
    (tmp_path / "benches" / "node").mkdir(parents=True)
    (tmp_path / "benches" / "node" / "bench_x.py").touch()
    return tmp_path


@pytest.mark.parametrize(
    "argument",
    ["benches/node", "./benches/node/", "benches//node", "benches/../benches/node", "{root}/benches/node"],
)
def test_every_way_to_write_a_path_is_the_same(project, argument):
    assert relative_paths([argument.format(root=project)], project, project) == ("benches/node",)


def test_a_path_given_in_a_subfolder_is_relative_to_the_root(project):
    assert relative_paths(["."], project / "benches", project) == ("benches",)
    assert relative_paths([".."], project / "benches", project) == ("",)


def test_a_test_keeps_its_name(project):
    given = "node/bench_x.py::TestX::test_x[a::b/../c]"

    assert relative_paths([given], project / "benches", project) == (f"benches/{given}",)


def test_a_module_is_no_path(project):
    assert relative_paths(["package.benches"], project, project) is None


def test_only_what_exists_is_kept(project):
    kept = existing_paths(["benches/node/bench_x.py::test_x", "benches/gone"], Path(project))

    assert kept == ("benches/node/bench_x.py::test_x",)
