import pytest
from msgspec.structs import replace

from messenger.gate.environment import Environment, differences, likeness
from messenger.gate.machine import capture, from_machine_info, system_version, usable_flags

from .samples import ELSEWHERE, HERE


def test_the_slug_reads_and_ends_with_the_fingerprint():
    slug = "linux-x86_64-amd-epyc-2core-cpython3.11.7-"

    assert HERE.slug == slug + HERE.fingerprint
    assert len(HERE.fingerprint) == 8


def test_an_unknown_environment_has_a_slug_too():
    assert Environment().slug.startswith("unknown-")


def test_a_marketing_name_is_shortened():
    xeon = replace(HERE, cpu="Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz")

    assert "-intel-xeon-e5-2680-v4-2core-" in xeon.slug


def test_the_exact_kernel_release_is_no_identity():
    """Security updates come weekly; a baseline must outlive them."""
    patched = replace(HERE, kernel_release="6.18.45")

    assert patched.fingerprint == HERE.fingerprint
    assert differences(HERE, patched) == ()


@pytest.mark.parametrize(
    ("change", "phrase"),
    [
        ({"python": "CPython 3.12.1"}, "python: CPython 3.11.7 -> CPython 3.12.1"),
        ({"libc": None}, "libc: glibc 2.36 -> unknown"),
        ({"cpu_flags": ("avx2", "avx512f")}, "cpu flags: -aes +avx512f"),
        ({"packages": {"msgspec": "0.23"}}, "msgspec: 0.22.0 -> 0.23"),
        ({"packages": {}}, "msgspec: 0.22.0 -> unknown"),
        ({"cores": 4}, "cores: 2 -> 4"),
    ],
)
def test_what_differs_is_said(change, phrase):
    other = replace(HERE, **change)

    assert differences(HERE, other) == (phrase,)
    assert other.fingerprint != HERE.fingerprint
    assert likeness(HERE, other) == likeness(HERE, HERE) - 1


def test_likeness_counts_what_is_equal():
    assert likeness(HERE, ELSEWHERE) == 2


def test_this_machine_is_the_same_twice():
    assert capture(["msgspec"]).fingerprint == capture(["msgspec"]).fingerprint


def test_this_machine_is_described_without_paths_and_names():
    """Baselines are committed; nobody's host name or home belongs there."""
    import platform
    import sys

    text = str(capture(["msgspec", "no-such-distribution"]))

    assert platform.node() not in text
    assert sys.prefix not in text
    assert "'no-such-distribution': 'not installed'" in text


def test_a_version_of_the_kernel_is_major_and_minor():
    assert system_version("Linux", "6.18.44-generic") == "Linux 6.18"
    assert system_version("", "") is None


def test_only_instruction_sets_count_as_flags():
    """Mitigations come and go with updates."""
    assert usable_flags(["fpu", "avx2", "smep", "retbleed", "sse4_2", "avx2"]) == ("avx2", "sse4_2")


@pytest.mark.parametrize("info", [{}, {"cpu": None}, {"cpu": {"flags": "none"}, "release": None}])
def test_what_pytest_benchmark_does_not_tell_stays_unknown(info):
    assert from_machine_info(info).cpu is None


def test_pytest_benchmarks_own_notes_are_read():
    info = {
        "cpu": {"brand_raw": "AMD EPYC", "vendor_id_raw": "AuthenticAMD", "family": 25, "flags": ["avx2"]},
        "machine": "x86_64",
        "system": "Linux",
        "release": "6.18.44",
        "python_implementation": "CPython",
        "python_version": "3.11.7",
    }

    environment = from_machine_info(info)

    assert (environment.cpu, environment.cpu_id, environment.cpu_flags) == (
        "AMD EPYC",
        "AuthenticAMD/25",
        ("avx2",),
    )
    assert (environment.system, environment.python) == ("Linux 6.18", "CPython 3.11.7")
