"""Examples in docstrings are promises as well."""

import doctest
import pkgutil
from importlib import import_module

import pytest

import messenger

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(messenger.__path__, "messenger.")
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_are_true(name):
    """They are the first thing that anyone copies."""
    failures, _ = doctest.testmod(import_module(name))

    assert failures == 0


def test_there_are_examples():
    """A finder that finds nothing would pass for ever."""
    examples = sum(
        len(test.examples) for name in MODULES for test in doctest.DocTestFinder().find(import_module(name))
    )

    assert examples > 10
