"""By name: a function as another process finds it.

Pickle refuses a decorated function: under its name stands the step that it was made.
"""

from functools import reduce
from importlib import import_module
from typing import Any

from msgspec import Struct


class ByName(Struct, frozen=True):
    """Calls what stands as *qualname* in *module*, in whichever process it is called."""

    module: str
    qualname: str

    def __call__(self, argument: Any) -> Any:
        """Import the module, unless it is, and call."""
        return reduce(getattr, self.qualname.split("."), import_module(self.module))(argument)  # type: ignore[operator]


def by_name(function: Any) -> ByName:
    """Return *function* as another process finds it.

    Raises:
        TypeError: it has no name in a module, as what is made inside a function has none.
    """
    module, qualname = getattr(function, "__module__", None), getattr(function, "__qualname__", "<none>")
    if module is None or "<" in qualname:
        raise TypeError(
            f"{function!r} cannot run in a process, which would not find it; define it at the top of a module"
        )
    return ByName(module, qualname)
