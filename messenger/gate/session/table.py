"""Session table: whether pytest-benchmark's own table was asked for beside ours."""

import os
import shlex

import pytest

# What shapes that table, or is shown in it; none of these has a default that a value could be told from.
_OPTIONS = ("columns", "sort", "group-by", "name", "time-unit", "histogram", "compare", "cprofile", "verbose")


def shows_own_table(config: pytest.Config) -> bool:
    """Claim that somebody asked for the table of 200 columns, by -v or by an option about it."""
    given = [*map(str, config.invocation_params.args), *config.getini("addopts")]
    given += shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))
    asked = tuple(f"--benchmark-{option}" for option in _OPTIONS)
    return config.getoption("verbose", 0) > 0 or any(argument.startswith(asked) for argument in given)
