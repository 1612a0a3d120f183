"""The machine underneath: reads the `Environment` this process runs in."""

import hashlib
import os
import platform
import re
import shlex
import sysconfig
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from .environment import Environment

# Flags that user code can be compiled for or dispatch on; the rest (mitigations, virtualisation) comes
# and goes with kernel and microcode updates and would part environments that run the same instructions.
_USABLE_FLAG = re.compile(
    r"sse|ssse3|pni|avx|bmi|fma|aes|sha|adx|popcnt|f16c|pclmulqdq|vaes|vpclmulqdq|movbe|erms|fsrm|lzcnt|abm$|amx"
    r"|asimd|sve|sme(?!p)|neon|crc32|atomics|pmull|i8mm|bf16"
)


def capture(packages: Iterable[str]) -> Environment:
    """Describe this process; *packages* are the distributions whose versions belong to the identity."""
    cpu = _processor()
    return Environment(
        cpu=cpu.get("model name") or platform.processor() or None,
        cpu_id=_cpu_id(cpu),
        cpu_flags=usable_flags((cpu.get("flags") or cpu.get("Features") or "").split()),
        architecture=platform.machine() or None,
        cores=usable_cores(),
        system=system_version(platform.system(), platform.release()),
        libc=_libc(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        python_build=_python_build(),
        packages={name: version_of(name) for name in sorted(packages)},
        kernel_release=platform.release() or None,
    )


def from_machine_info(info: Mapping[str, Any]) -> Environment:
    """Read what pytest-benchmark itself notes of a machine, for a report written without our plugin.

    It knows neither usable cores, libc, build nor packages. These stay unknown, so such a report matches
    only baselines that were made from such reports, and is advisory against all others.
    """
    found = info.get("cpu")
    cpu = found if isinstance(found, dict) else {}
    named = {"vendor_id": "vendor_id_raw", "cpu family": "family", "model": "model", "stepping": "stepping"}
    flags = cpu.get("flags")
    implementation = info.get("python_implementation")
    return Environment(
        cpu=_text(cpu.get("brand_raw")),
        cpu_id=_cpu_id({field: str(cpu.get(name, "")) for field, name in named.items()}),
        cpu_flags=usable_flags([str(flag) for flag in flags] if isinstance(flags, list) else []),
        architecture=_text(info.get("machine")),
        system=system_version(str(info.get("system") or ""), str(info.get("release") or "")),
        python=_text(implementation and f"{implementation} {info.get('python_version')}"),
        kernel_release=_text(info.get("release")),
    )


def usable_flags(flags: Iterable[str]) -> tuple[str, ...]:
    """Keep the instruction sets that user code can use, sorted."""
    return tuple(sorted({flag for flag in flags if _USABLE_FLAG.match(flag)}))


def system_version(system: str, release: str) -> str | None:
    """Name a system as far as timing cares: `Linux 6.18` from `6.18.44-generic`."""
    found = re.match(r"\d+(\.\d+)?", release)
    return f"{system} {found[0] if found else release}".strip() or None


def _processor() -> dict[str, str]:
    """Read the first processor of /proc/cpuinfo; empty where there is none."""
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _cpu_id(cpu: Mapping[str, str]) -> str | None:
    x86 = ("vendor_id", "cpu family", "model", "stepping")
    arm = ("CPU implementer", "CPU architecture", "CPU variant", "CPU part", "CPU revision")
    fields = x86 if cpu.get("vendor_id") else arm
    return "/".join(filter(None, (cpu.get(field, "") for field in fields))) or None


def usable_cores() -> int | None:
    """Count the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _libc() -> str | None:
    name, version = platform.libc_ver()
    return f"{name} {version}".strip() or None


def _python_build() -> str:
    """Name compiler, configuration and the switches that change speed; options with a path are left out."""
    options = shlex.split(str(sysconfig.get_config_var("CONFIG_ARGS") or ""))
    pathless = " ".join(sorted(option for option in options if "/" not in option))
    words = [platform.python_compiler(), "config " + hashlib.sha256(pathless.encode()).hexdigest()[:8]]
    switches = [name for name in ("Py_DEBUG", "Py_GIL_DISABLED") if sysconfig.get_config_var(name)]
    return ", ".join(words + switches)


def version_of(package: str) -> str:
    """Return the version of an installed distribution, or that it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _text(value: object) -> str | None:
    return str(value) if value else None
