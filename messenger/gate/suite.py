"""Suite: the group of benchmarks that share a baseline file."""

from pathlib import PurePosixPath


def suite_of(name: str) -> str:
    """Name the suite of a benchmark: its folder, without the first component when there are several.

    >>> suite_of("benches/node/bench_parse.py::bench_parse[128B]")
    'node'
    >>> suite_of("benches/bench_x.py::bench_x"), suite_of("bench_x.py::bench_x")
    ('benches', 'root')
    """
    folders = PurePosixPath(name.partition("::")[0].replace("\\", "/")).parts[:-1]
    return ".".join(folders[1:] or folders) or "root"
