"""Profiler: where the time of a benchmark's function goes, by samples of its stack."""

import os
from collections import Counter
from time import perf_counter
from typing import Any

from .subject import Timed

_SAMPLES = 5000


def profile(subject: Timed, size: dict[str, Any], seconds: float, path: str) -> dict[str, Any]:
    """Sample the stack for so many rounds of so many calls; write the profile to *path* for speedscope.

    size: `iterations` a round, `rounds` at most, which end after *seconds* where `timed`: sampled, a function
    that calls much takes many times as long, and how many nobody knows beforehand.

    Returns how many rounds there were, and the seconds of each function itself, by its name and file.

    Raises:
        ImportError: pyinstrument is not installed.
    """
    from pyinstrument import Profiler
    from pyinstrument.renderers import SpeedscopeRenderer

    profiler = Profiler(interval=max(seconds / _SAMPLES, 1e-4), async_mode="disabled")
    ends, rounds = perf_counter() + seconds, 0
    profiler.start()
    try:
        while rounds < size["rounds"] and (not rounds or not size["timed"] or perf_counter() < ends):
            subject.round(size["iterations"])
            rounds += 1
    finally:
        session = profiler.stop()
    with open(path, "w", encoding="utf-8") as file:
        file.write(SpeedscopeRenderer().render(session))
    root = session.root_frame()
    own: Counter[str] = Counter()
    if root is not None:
        _add_own(root, own)
    return {"rounds": rounds, "own": dict(own.most_common(200))}


def _add_own(root: Any, own: "Counter[str]") -> None:
    """Add up what each function took without what it called, from the benchmark's own down."""
    frames = [root]
    while frames:
        frame = frames.pop()
        ours = _is_ours(frame)
        # Beside the benchmark's function, ours call a clock and a context manager.
        frames += [
            child for child in frame.children if not child.is_synthetic and not (ours and _is_standard(child))
        ]
        if not ours:
            # Without a line: it is the same function where others were added above it.
            place = frame.file_path_short if frame.file_path and frame.line_no else "built in"
            spent = sum(child.time for child in frame.children if child.is_synthetic)
            own[f"{frame.function} ({place})"] += frame.absorbed_time + spent


def _is_ours(frame: Any) -> bool:
    folder = os.path.dirname(frame.file_path or "")
    return folder == os.path.dirname(os.path.abspath(__file__)) or os.path.basename(folder) == "pyinstrument"


def _is_standard(frame: Any) -> bool:
    return frame.function == "perf_counter" or os.path.basename(frame.file_path or "") == "contextlib.py"
