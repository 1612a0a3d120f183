"""The folder of baselines: baselines/ENVIRONMENT/SUITE.json, read whole and written file by file."""

import os
import tempfile
from pathlib import Path

from .baseline import Baseline, format_baseline, parse_baseline
from .error import GateError


def read_baselines(folder: Path) -> tuple[Baseline, ...]:
    """Read every baseline below *folder*; none when there is no such folder.

    Raises:
        UnreadableBaseline: a file there is not a baseline.
        GateError: *folder* is a file, or something there cannot be read.
    """
    if folder.exists() and not folder.is_dir():
        raise GateError(f"{folder} is not a folder; name the folder of baselines with --baselines DIR")
    try:
        paths = sorted(folder.glob("*/*.json"))
        return tuple(parse_baseline(path.read_bytes(), str(path)) for path in paths)
    except OSError as error:
        raise GateError(f"cannot read baselines: {error}; check the folder and its permissions") from error


def baseline_path(folder: Path, baseline: Baseline) -> Path:
    """Say where *baseline* stands below *folder*."""
    return folder / baseline.environment.slug / f"{baseline.suite}.json"


def write_baseline(folder: Path, baseline: Baseline) -> Path:
    """Write *baseline* to its place, or remove the file when no row is left; returns the path.

    Raises:
        GateError: the file cannot be written.
    """
    path = baseline_path(folder, baseline)
    if baseline.benchmarks:
        write_whole(path, format_baseline(baseline))
    else:
        path.unlink(missing_ok=True)
    return path


def write_whole(path: Path, text: str) -> None:
    """Write *text* to *path* at once: a reader, or a crash, meets the old file or the new, never half of one.

    Raises:
        GateError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")  # /dev/stdout and pipes cannot be replaced
            return
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            os.chmod(temporary, _mode(path))
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise GateError(
            f"cannot write {path}: {error.strerror}; choose a place that can be written"
        ) from error


def _mode(path: Path) -> int:
    """Keep the mode of a file that exists; a new one gets what `open` would have given it."""
    if path.exists():
        return path.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
