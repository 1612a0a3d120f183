import shutil

import pytest

from . import project


@pytest.fixture(scope="session")
def accepted_project(tmp_path_factory):
    """The project with a baseline of two processes: measured once, and copied to whoever wants it."""
    folder = project.make(tmp_path_factory.mktemp("accepted"))
    done = project.gate(folder, "accept", "--measure", "2", "tests/speed")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def shop(accepted_project, tmp_path):
    return shutil.copytree(accepted_project, tmp_path / "a shop")
