from messenger.gate.source import Source, find_sources

FILE = """\
import pytest


@pytest.mark.parametrize("size", [1, 2])
def bench_parse(benchmark, size):
    \"\"\"Parse.\"\"\"
    benchmark(int, size)


class TestGroup:
    async def test_inner(self, benchmark):
        pass


try:
    import nothing
except ImportError:
    pass
"""


def find(folder, text, *names):
    (folder / "bench_a.py").write_text(text, encoding="utf-8")
    return find_sources(folder, [f"bench_a.py::{name}" for name in names])


def fingerprint(folder, text):
    return find(folder, text, "bench_parse[1]")["bench_a.py::bench_parse[1]"].fingerprint


def test_a_benchmark_is_found_where_it_stands(tmp_path):
    found = find(tmp_path, FILE, "bench_parse[1]", "TestGroup::test_inner", "nothing")

    assert {name: (source.file, source.line) for name, source in found.items()} == {
        "bench_a.py::bench_parse[1]": ("bench_a.py", 5),
        "bench_a.py::TestGroup::test_inner": ("bench_a.py", 11),
    }


def test_the_fingerprint_is_of_what_it_does(tmp_path):
    """A remark must not part a benchmark from its history."""
    same = (
        FILE.replace("Parse.", "Read.")
        .replace("[1, 2]", "[1, 2, 3]")
        .replace("int, size)", "int,  size)  # !")
    )

    assert fingerprint(tmp_path, same) == fingerprint(tmp_path, FILE)


def test_another_body_or_parameter_is_another_benchmark(tmp_path):
    others = [FILE.replace("int, size", "float, size"), FILE.replace("benchmark, size", "benchmark, size=3")]

    assert len({fingerprint(tmp_path, text) for text in [FILE, *others]}) == 3


def test_a_file_that_cannot_be_read_has_no_benchmarks(tmp_path):
    assert find(tmp_path, "def bench_parse(:", "bench_parse") == {}
    assert find_sources(tmp_path, ["gone.py::bench_parse", "::", ""]) == {}


def test_a_source_is_data(tmp_path):
    source = find(tmp_path, FILE, "bench_parse")["bench_a.py::bench_parse"]

    assert source == Source("bench_a.py", 5, source.fingerprint)
    assert len(source.fingerprint) == 12


def test_a_benchmark_too_deep_to_be_read_ends_no_session(tmp_path):
    """An expression of thousands of terms is legal."""
    deep = "def bench_deep(benchmark):\n    x = " + " + ".join(["'a'"] * 3000) + "\n"

    found = find(tmp_path, FILE + deep, "bench_deep")

    assert found == {}
