"""Profiler: where the time of a benchmark's function goes, by samples of its stack."""

import os
from collections import Counter
from typing import Any

from .subject import Timed

_INTERVAL_SECONDS = 1e-4


def profile(subject: Timed, iterations: int, rounds: int, path: str) -> dict[str, Any]:
    """Sample so many rounds of so many calls; write the profile to *path* for speedscope.

    Returns the seconds that all took, and those of each function itself, by its name and file. Samples are
    taken where Python calls or returns, every 0.1 ms at most, which slows down what calls much.

    Raises:
        ImportError: pyinstrument is not installed.
    """
    from pyinstrument import Profiler
    from pyinstrument.renderers import SpeedscopeRenderer

    profiler = Profiler(interval=_INTERVAL_SECONDS, async_mode="disabled")
    profiler.start()
    try:
        for _ in range(rounds):
            subject.round(iterations)
    finally:
        session = profiler.stop()
    with open(path, "w", encoding="utf-8") as file:
        file.write(SpeedscopeRenderer().render(session))
    root = session.root_frame()
    own: Counter[str] = Counter()
    if root is not None:
        _add_own(root, own)
    return {"seconds": session.duration, "own": dict(own.most_common(200))}


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
    return os.path.dirname(frame.file_path or "") == os.path.dirname(os.path.abspath(__file__))


def _is_standard(frame: Any) -> bool:
    return frame.function == "perf_counter" or os.path.basename(frame.file_path or "") == "contextlib.py"
