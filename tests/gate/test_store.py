import os
import stat

import pytest

from messenger.gate.error import GateError
from messenger.gate.store import baseline_path, read_baselines, write_baseline, write_whole

from .samples import ELSEWHERE, HERE, baseline, measurement


def test_what_is_written_is_read(tmp_path):
    one, other = baseline(measurement("a")), baseline(measurement("a"), environment=ELSEWHERE)

    write_baseline(tmp_path, one)
    write_baseline(tmp_path, other)

    assert set(map(str, read_baselines(tmp_path))) == {str(one), str(other)}
    assert baseline_path(tmp_path, one) == tmp_path / HERE.slug / "node.json"


def test_a_baseline_without_rows_leaves_no_file(tmp_path):
    write_baseline(tmp_path, baseline(measurement("a")))

    path = write_baseline(tmp_path, baseline())

    assert not path.exists()


def test_no_folder_is_no_baseline(tmp_path):
    assert read_baselines(tmp_path / "nowhere") == ()


def test_a_file_is_no_folder_of_baselines(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(GateError, match="is not a folder"):
        read_baselines(tmp_path / "file")


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    """A full disk must not cost the baseline that was there."""
    path = tmp_path / "node.json"
    path.write_text("old")
    monkeypatch.setattr(
        os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )

    with pytest.raises(GateError, match="No space left"):
        write_whole(path, "new")

    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("node.json", "old")]


def test_a_new_file_can_be_read_by_the_group_as_usual(tmp_path):
    """Temporary files are private; baselines are committed and shared."""
    (tmp_path / "ordinary").touch()

    write_whole(tmp_path / "new.json", "text")

    modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert len(modes) == 1
