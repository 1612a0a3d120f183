"""Load workflows: from the modules that a command line names."""

import os
import signal
import sys
import traceback
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from .errors import WorkflowError
from .problem import did_you_mean
from .workflow import Workflow

_MOST_FRAMES = 4
"""Of each end of a traceback."""


class CannotLoad(WorkflowError):
    """A name of a module, or of a workflow in it, that leads nowhere."""


def load_workflows(names: Iterable[str]) -> list[Workflow]:
    """Import what *names* say: MODULE for all that it holds, or MODULE:NAME; also from the current folder.

    Raises:
        CannotLoad: there is none, or its import raised.
    """
    found = [workflow for name in names for workflow in _named(name)]
    return [workflow for number, workflow in enumerate(found) if workflow not in found[:number]]


def load_workflow(name: str) -> Workflow:
    """Import the one workflow that MODULE holds, or MODULE:NAME.

    Raises:
        CannotLoad: there is none, or several, or its import raised.
    """
    first, *others = load_workflows([name])
    if others:
        held = ", ".join(f"{name}:{each}" for each in _workflows_of(import_module(name)))
        raise CannotLoad(f"module {name!r} holds several workflows; write one of {held}")
    return first


def _named(name: str) -> list[Workflow]:
    module_name, colon, attribute = name.partition(":")
    module = _imported(module_name)
    held = _workflows_of(module)
    if not colon:
        if not held:
            raise CannotLoad(
                f"module {module_name!r} ({_place_of(module)}) holds no workflow; "
                'make one at its top: NAME = Workflow("NAME", version="1", steps=[...])'
            )
        return list(held.values())
    workflow = getattr(module, attribute, None)
    if not isinstance(workflow, Workflow):
        what = f"is {type(workflow).__name__}, not Workflow" if hasattr(module, attribute) else "is not there"
        raise CannotLoad(
            f"{attribute!r} {what} in module {module_name!r} ({_place_of(module)}); "
            f"of its workflows, {did_you_mean(attribute, held)}"
        )
    return [workflow]


def _workflows_of(module: ModuleType) -> dict[str, Workflow]:
    return {name: value for name, value in vars(module).items() if isinstance(value, Workflow)}


def _imported(name: str) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        path = Path(name.removesuffix(".py"))
        is_path = name.endswith(".py") and not path.is_absolute()
        advice = ".".join(path.parts) if is_path else "it as in an import statement, such as orders"
        raise CannotLoad(f"{name!r} is no name of a module; write {advice}")
    if not {"", os.getcwd()} & {*sys.path}:
        sys.path.insert(0, os.getcwd())
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise CannotLoad(_failure(name, error)) from error
        advice = did_you_mean(name, [path.stem for path in Path().glob("*.py")])
        raise CannotLoad(
            f"there is no module {name!r} in {os.getcwd()}, nor on PYTHONPATH; {advice}"
        ) from None
    except SystemExit as error:
        if error.code == 128 + signal.SIGTERM:  # that is for us
            raise
        raise CannotLoad(_failure(name, error)) from error
    except Exception as error:
        raise CannotLoad(_failure(name, error)) from error


def _failure(name: str, error: BaseException) -> str:
    """Show the user's frames of *error*; ours, and those of the import machinery, say nothing to them."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if frame.filename != __file__ and "importlib" not in frame.filename]
    told = traceback.format_list(theirs)
    if len(told) > 2 * _MOST_FRAMES:
        told[_MOST_FRAMES:-_MOST_FRAMES] = [f"  ... {len(told) - 2 * _MOST_FRAMES} more\n"]
    told += traceback.format_exception_only(error)
    return f"cannot import {name!r}:\n{''.join(told).rstrip()}"


def _place_of(module: Any) -> str:
    return getattr(module, "__file__", None) or "built in"
