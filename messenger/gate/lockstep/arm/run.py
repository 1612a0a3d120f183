"""Run: pytest in a tree, from whose folders the product is imported, to the last benchmark."""

import importlib
import os
import re
import socket
import sys
import tomllib
from collections.abc import Sequence
from importlib.util import find_spec

import pytest

from .conversation import Conversation
from .plugin import Arm


def run(
    connection: socket.socket,
    tree: str,
    sources: Sequence[str],
    arguments: Sequence[str],
    wanted: Sequence[str],
    *,
    hide_checkout: bool,
) -> None:
    """Run pytest in *tree*, whose product stands in its folders *sources*, to the last benchmark.

    With *hide_checkout* nothing is imported from where the repository is checked out.
    """
    checkout = os.path.realpath(os.environ["MESSENGER_GATE_CHECKOUT"])  # benchmarks may empty os.environ
    os.chdir(tree)
    if hide_checkout:
        _hide(checkout)
    roots = [os.path.join(tree, source) if source else tree for source in sources]
    sys.path[:0] = roots
    # For the processes that benchmarks start.
    os.environ["PYTHONPATH"] = os.pathsep.join([*roots, *filter(None, [os.environ.get("PYTHONPATH")])])
    importlib.invalidate_caches()
    conversation = Conversation(connection)
    code = pytest.main(
        [*_options(), f"--rootdir={tree}", *arguments],
        plugins=[Arm(conversation, tree, wanted)],
    )
    conversation.say(finished=int(code), shared=_shared_modules(), strangers=_strangers(tree, checkout))


def _hide(checkout: str) -> None:
    """Let nothing be imported from *checkout*, as an editable installation would."""
    python = [path for path in map(os.path.realpath, (sys.prefix, sys.base_prefix)) if path != checkout]

    def hidden(path: str) -> bool:
        real = os.path.join(os.path.realpath(path), "")
        return _within(real, checkout) and not any(_within(real, place) for place in python)

    sys.path[:] = [path for path in sys.path if not hidden(path)]
    sys.meta_path[:] = [finder for finder in sys.meta_path if "__editable__" not in _module_of(finder)]


def _module_of(finder: object) -> str:
    return str(getattr(finder, "__module__", ""))


def _options() -> list[str]:
    """Keep out the other half of the gate and coverage, and let what a benchmark prints reach the log."""
    options = ["-p", "no:messenger_gate", "--capture=no", "--continue-on-collection-errors", "-q"]
    options += ["--no-cov"] if find_spec("pytest_cov") else []
    # The parent has imported what both sides share, plugins too, and to a project a warning may be an error.
    options += ["-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"]
    return [*options, "--benchmark-enable"]


def _shared_modules() -> list[str]:
    """Name what was imported from installed packages: both sides can inherit it."""
    return [name for name, path in _imported() if "site-packages" in path or "dist-packages" in path]


def _strangers(tree: str, checkout: str) -> list[str]:
    """Name what came from the checkout of the repository, or is an installed copy of the product."""
    # A virtual environment, or Python itself, may stand inside the checkout.
    python = [path for path in map(os.path.realpath, (sys.prefix, sys.base_prefix)) if path != checkout]
    elsewhere = [os.path.realpath(tree), os.path.dirname(os.path.realpath(__file__))]
    elsewhere += [path for path in python if _within(path, checkout)]
    product = _product(tree)
    found = []
    for name, path in _imported():
        real = os.path.realpath(path) if path else ""
        suspicious = _within(real, checkout) or (real and name.partition(".")[0] == product)
        if suspicious and not any(_within(real, place) for place in elsewhere):
            found.append(f"{name} ({path})")
    return found


def _product(tree: str) -> str:
    """Return the package that the project in *tree* is named after, if its name is told."""
    try:
        with open(os.path.join(tree, "pyproject.toml"), "rb") as file:
            name = tomllib.load(file).get("project", {}).get("name", "")
    except (OSError, ValueError):
        return ""
    return re.sub(r"[-.]+", "_", str(name))


def _within(path: str, folder: str) -> bool:
    return path.startswith(os.path.join(folder, ""))


def _imported() -> list[tuple[str, str]]:
    return [(name, getattr(module, "__file__", None) or "") for name, module in list(sys.modules.items())]
