"""Foreign: a function in a C library as a handler, called in this process through cffi."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from ..context import Context
from ..outcome import BadResult, PermanentError
from .context_json import encode_context

if TYPE_CHECKING:
    from cffi import FFI  # type: ignore[import-untyped]

_JSON_TYPE = "int(*)(const char *, size_t, char *, size_t)"
_JSON_DECLARATION = "int work(const char *input, size_t input_bytes, char *output, size_t output_bytes)"
_OUTPUT_BYTES = 65536

# Primitive to cffi, and no number in Python.
_NO_NUMBERS = {"char", "wchar_t", "char16_t", "char32_t", "long double"}

_decode = msgspec.json.Decoder().decode


class CffiMissing(ImportError):
    """The package that calls C is not installed."""


class BadForeign(ValueError):
    """A function that is no handler: it is not in its library, or is not declared as one can be."""


class ForeignError(Exception):
    """A C function returned an error code; the step may be attempted again."""


def foreign_handler(
    library: str | os.PathLike[str],
    declaration: str,
    *,
    fields: Sequence[str] | None = None,
    output_bytes: int = _OUTPUT_BYTES,
) -> Callable[[Context], Any]:
    """Make a handler of the function that *declaration*, in C, declares in *library*, a file or a system's.

    There are two kinds. One takes JSON and writes JSON, and its declaration has these types:

        int work(const char *input, size_t input_bytes, char *output, size_t output_bytes);

    Its input is the context as a program gets it, see `subprocess_handler`, with a 0 behind it. It returns
    how many bytes it has written, or a number below 0, which becomes a `ForeignError`.

    The other kind is any function of numbers, and is called with *fields* of the input:

        foreign_handler("libm.so.6", "double hypot(double, double);", fields=["width", "height"])

    Say runs_in="loop" for one that takes microseconds; in threads they run side by side, as Python's lock is
    released. Neither is stopped when it takes too long, and one that crashes takes the worker along: what
    may do either is called by a function at the top of a module, and that one runs_in="process".

    Raises:
        CffiMissing: cffi is not installed.
        BadForeign: the library cannot be loaded, has no such function, or it is of neither kind.
    """
    ffi = _ffi()
    name, function = _found(ffi, os.fspath(library), declaration)
    kind = ffi.typeof(function)
    if fields is not None:
        handler = _of_numbers(ffi, name, function, tuple(fields))
    elif kind == ffi.typeof(_JSON_TYPE):
        handler = _of_json(ffi, name, function, output_bytes)
    else:
        raise BadForeign(
            f"{name} is a {kind.cname}; declare it as {_JSON_DECLARATION}, or name the fields of the input "
            "that are its arguments: fields=[...]"
        )
    handler.__name__ = name
    return handler


def _of_json(ffi: "FFI", name: str, function: Any, output_bytes: int) -> Callable[[Context], Any]:
    # Each call has its own, as it may run in several threads; clearing it would take longer than the rest.
    allocate = ffi.new_allocator(should_clear_after_alloc=False)
    output_type = ffi.typeof("char[]")
    buffer = ffi.buffer

    def call(context: Context) -> Any:
        given = encode_context(context)
        output = allocate(output_type, output_bytes)
        written = function(given, len(given), output, output_bytes)
        if written < 0:
            raise ForeignError(f"{name} returned {written}; its author knows what that means")
        if written > output_bytes:
            raise BadResult(
                f"{name} returned {written:,}, and has room for {output_bytes:,} bytes; "
                f"say output_bytes={written}"
            )
        try:
            return _decode(buffer(output, written))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            shown = bytes(buffer(output, min(written, 100)))
            raise BadResult(f"{name} wrote {shown!r}, which is no JSON: {error}") from None

    return call


def _of_numbers(ffi: "FFI", name: str, function: Any, fields: tuple[str, ...]) -> Callable[[Context], Any]:
    kind = ffi.typeof(function)
    for each in (*kind.args, kind.result):
        if each.kind != "primitive" or each.cname in _NO_NUMBERS or "omplex" in each.cname:
            raise BadForeign(
                f"{name} is a {kind.cname}, and {each.cname} is no number; declare numbers only, or the "
                f"function that takes JSON, without fields: {_JSON_DECLARATION}"
            )
    if kind.ellipsis or len(kind.args) != len(fields):
        raise BadForeign(f"{name} is a {kind.cname}; name as many fields, in their order, not {[*fields]}")

    def call(context: Context) -> Any:
        try:
            return function(*[context.input[field] for field in fields])
        except (LookupError, TypeError, OverflowError) as error:
            raise PermanentError(
                f"{name} takes the fields {', '.join(fields)} of the input as numbers: "
                f"{type(error).__name__}: {error}"
            ) from error

    return call


def _ffi() -> "FFI":
    try:
        from cffi import FFI
    except ImportError as error:
        raise CffiMissing(
            "functions in C are called through cffi, which is not installed; "
            f"run: {sys.executable} -m pip install 'messenger[workflow]'"
        ) from error
    return FFI()


def _found(ffi: "FFI", library: str, declaration: str) -> tuple[str, Any]:
    try:
        ffi.cdef(declaration)
    except Exception as error:  # pycparser's are of several kinds
        raise BadForeign(f"{declaration!r} is no declaration in C: {error}") from error
    try:
        loaded = ffi.dlopen(library)
    except OSError as error:
        raise BadForeign(f"{error}; compile it with: cc -O2 -shared -fPIC -o {library} ...") from error
    names = [name for name in dir(loaded) if not name.startswith("_")]
    if len(names) != 1:
        raise BadForeign(f"{declaration!r} declares {len(names)} functions; declare the one to call")
    try:
        function = getattr(loaded, names[0])
    except AttributeError as error:
        raise BadForeign(f'{error}; in C++ it needs extern "C"') from error
    if not isinstance(function, ffi.CData) or ffi.typeof(function).kind != "function":
        raise BadForeign(f"{declaration!r} declares no function")
    return names[0], function
