"""Environment: what must be equal before two numbers may be compared."""

import hashlib
import re
from typing import Any

import msgspec


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """Machine, system and interpreter of a run; None where it is not known, which equals only None.

    Every field but `kernel_release` is identity. No host name and no path stands here: baselines are
    committed, and a path says nothing about speed.
    """

    cpu: str | None = None
    cpu_id: str | None = None
    cpu_flags: tuple[str, ...] = ()
    architecture: str | None = None
    cores: int | None = None
    system: str | None = None
    libc: str | None = None
    python: str | None = None
    python_build: str | None = None
    packages: dict[str, str] = {}
    kernel_release: str | None = None

    @property
    def fingerprint(self) -> str:
        """Eight hexadecimal digits, equal exactly when all identity fields are equal."""
        identity = msgspec.json.encode(_identity(self), order="sorted")
        return hashlib.sha256(identity).hexdigest()[:8]

    @property
    def slug(self) -> str:
        """Name the environment as a folder: `linux-x86_64-amd-epyc-2core-cpython3.11.7-1a2b3c4d`."""
        system = (self.system or "unknown").split()[0]
        cores = f"{self.cores}core" if self.cores else None
        python = self.python and self.python.replace(" ", "")
        words = [system, self.architecture, _short_cpu(self.cpu), cores, python]
        return "-".join([*(_plain(word) for word in words if word), self.fingerprint])


def differences(old: Environment, new: Environment) -> tuple[str, ...]:
    """Say which identity fields differ, one phrase a field, `old -> new`; empty when the two match."""
    phrases = []
    for field, before in _identity(old).items():
        after = _identity(new)[field]
        if before == after:
            continue
        label = field.replace("_", " ")
        if field == "cpu_flags":
            phrases.append(f"{label}: {_set_change(before, after)}")
        elif field == "packages":
            phrases.extend(_package_changes(before, after))
        else:
            phrases.append(f"{label}: {_known(before)} -> {_known(after)}")
    return tuple(phrases)


def likeness(one: Environment, other: Environment) -> int:
    """Count equal identity fields, 0 to 10; the greater, the more an advisory comparison is worth."""
    theirs = _identity(other)
    return sum(theirs[field] == value for field, value in _identity(one).items())


def _identity(environment: Environment) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.structs.asdict(environment)
    del fields["kernel_release"]
    return fields


def _set_change(before: tuple[str, ...], after: tuple[str, ...]) -> str:
    gone = [f"-{flag}" for flag in before if flag not in after]
    come = [f"+{flag}" for flag in after if flag not in before]
    return " ".join(gone + come)


def _package_changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return [
        f"{name}: {_known(before.get(name))} -> {_known(after.get(name))}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def _known(value: object) -> str:
    return "unknown" if value is None else str(value)


def _short_cpu(model: str | None) -> str | None:
    """Keep what tells processors apart: `Intel(R) Xeon(R) CPU E5 v4 @ 2.40GHz` -> `Intel Xeon E5 v4`."""
    if model is None:
        return None
    without = re.sub(r"\((?:R|TM)\)|\bCPU\b|\bProcessor\b|@.*$|\b\d+-Core\b", " ", model, flags=re.IGNORECASE)
    return " ".join(without.split()[:5])


def _plain(word: str) -> str:
    return re.sub(r"[^a-z0-9._]+", "-", word.lower()).strip("-.")
