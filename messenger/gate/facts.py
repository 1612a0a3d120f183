"""Facts: looks at the machine, at once or for a few seconds."""

import os
import platform
import shutil
import sys
import sysconfig
import tempfile
from contextlib import suppress
from pathlib import Path
from time import get_clock_info, monotonic, perf_counter_ns

from .doctor import Facts, Pulse
from .error import GateError
from .git import is_shallow
from .lockstep.instructions import find_counter
from .lockstep.launch import can_fix_layout
from .machine import usable_cores, version_of
from .reference import time_slice

_VARIABLES = (
    "PYTHONDEVMODE",
    "PYTHONMALLOC",
    "PYTHONTRACEMALLOC",
    "PYTHONPROFILEIMPORTTIME",
    "COVERAGE_PROCESS_START",
)
_CPUS = Path("/sys/devices/system/cpu")


def read_facts(root: Path) -> Facts:
    """Look at the machine and at the repository around *root*, in milliseconds and without measuring."""
    git, shallow = _git(root)
    counter = find_counter()
    return Facts(
        cores=usable_cores() or 1,
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        quota_cores=_quota(),
        governors=_governors(),
        siblings=_siblings(),
        forks=hasattr(os, "fork"),
        fixed_layout=can_fix_layout(),
        counter=None if counter is None else str(counter),
        versions=_versions(),
        debug_build=bool(sysconfig.get_config_var("Py_DEBUG")),
        disturbing=tuple(_disturbing()),
        git=git,
        shallow=shallow,
        temporary_mb=_free_mb(),
        clock_ns=get_clock_info("perf_counter").resolution * 1e9,
    )


def take_pulse(seconds: float) -> Pulse:
    """Watch how steadily this process runs: half of *seconds* the reference loop, then only the clock."""
    before = _cpu_times()
    slices: list[int] = []
    ends = monotonic() + seconds / 2
    while monotonic() < ends or len(slices) < 10:
        slices.append(time_slice())
    gap = _longest_gap_ns(seconds / 2)
    after = _cpu_times()
    steal = None
    if before is not None and after is not None and after[1] > before[1]:
        steal = (after[0] - before[0]) / (after[1] - before[1])
    return Pulse(tuple(slices), gap / 1e6, steal)


def _longest_gap_ns(seconds: float) -> int:
    longest, last = 0, perf_counter_ns()
    ends = last + int(seconds * 1e9)
    while last < ends:
        now = perf_counter_ns()
        longest = max(longest, now - last)
        last = now
    return longest


def _cpu_times() -> tuple[int, int] | None:
    """Read the ticks that were stolen, and all ticks, since the machine started."""
    with suppress(OSError, ValueError, IndexError):
        ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
        return ticks[7], sum(ticks[:8])
    return None


def _quota() -> float | None:
    """Read how many cores the control group may use (version 2, then 1)."""
    with suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    with suppress(OSError, ValueError):
        folder = Path("/sys/fs/cgroup/cpu")
        limit = int((folder / "cpu.cfs_quota_us").read_text())
        return None if limit <= 0 else limit / int((folder / "cpu.cfs_period_us").read_text())
    return None


def _governors() -> tuple[str, ...] | None:
    found = set()
    for path in _CPUS.glob("cpu[0-9]*/cpufreq/scaling_governor"):
        with suppress(OSError):
            found.add(path.read_text().strip())
    return tuple(sorted(found)) or None


def _siblings() -> bool | None:
    lists = []
    for path in _CPUS.glob("cpu[0-9]*/topology/thread_siblings_list"):
        with suppress(OSError):
            lists.append(path.read_text().strip())
    return any("," in one or "-" in one for one in lists) if lists else None


def _versions() -> tuple[str, ...]:
    packages = [f"{name} {version_of(name)}" for name in ("pytest", "pytest-benchmark", "messenger")]
    return (f"{platform.python_implementation()} {platform.python_version()}", *packages)


def _disturbing() -> list[str]:
    found = [f"${name}" for name in _VARIABLES if os.environ.get(name)]
    if sys.gettrace() or sys.getprofile():
        found.append("a tracer or profiler is active")
    return found


def _git(root: Path) -> tuple[bool, bool]:
    try:
        return True, is_shallow(root)
    except GateError:
        return False, False


def _free_mb() -> float | None:
    with suppress(OSError):
        return shutil.disk_usage(tempfile.gettempdir()).free / 1e6
    return None
