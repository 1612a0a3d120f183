"""Functions in C as handlers, compiled here."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from messenger.workflow import (
    BadForeign,
    BadResult,
    Context,
    ForeignError,
    Handlers,
    PermanentError,
    foreign_handler,
)

from .attempts import Tried, on_a_loop, opened

JSON = "int {}(const char *, size_t, char *, size_t);"


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The path of a library with the functions of foreign.c: required in CI, skipped elsewhere."""
    if (compiler := shutil.which("cc")) is None:
        if "CI" in os.environ:
            pytest.fail("no C compiler here: there is no cc on PATH")
        pytest.skip("no C compiler here: there is no cc on PATH")
    path = tmp_path_factory.mktemp("foreign") / "foreign.so"
    source = Path(__file__).with_name("foreign.c")
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", path, source], check=True)
    return path


def test_a_function_reads_json_and_writes_json(library):
    """The one here returns what it has read, and looks for the 0 behind it."""
    copy = foreign_handler(library, JSON.format("copy"))

    read = copy(Context(input={"items": ["hät"]}, results={"reserve": 1}, step="charge", attempt=2))

    assert (read["input"], read["results"], read["step"]) == ({"items": ["hät"]}, {"reserve": 1}, "charge")


def test_a_function_of_numbers_is_given_fields_of_the_input(library):
    area = foreign_handler(library, "double area(double width, double height);", fields=["w", "h"])

    assert area(Context(input={"h": 2.5, "w": 4})) == 10.0


def test_a_function_of_the_system_is_found_by_its_librarys_name():
    """Without a compiler."""
    assert foreign_handler("libm.so.6", "double cos(double);", fields=["x"])(Context(input={"x": 0})) == 1.0


@pytest.mark.parametrize("runs_in", ["loop", "thread"])
@on_a_loop
async def test_it_runs_as_other_handlers_do(library, runs_in):
    """Under its own name."""
    handlers = Handlers()
    handlers.add(foreign_handler(library, "double area(double, double);", fields=["w", "h"]), runs_in=runs_in)

    async with opened() as runner:
        assert await Tried(runner, handlers["area"], Context(input={"h": 2.5, "w": 4})).returned() == 10.0


def test_a_function_that_a_process_would_not_find_is_refused(library):
    """What may crash is called by a function at the top of a module."""
    with pytest.raises(TypeError, match="define it at the top of a module"):
        Handlers().add(foreign_handler(library, JSON.format("copy")), runs_in="process")


def test_a_number_below_zero_is_an_error(library):
    with pytest.raises(ForeignError, match="fail returned -7"):
        foreign_handler(library, JSON.format("fail"))(Context())


@pytest.mark.parametrize(
    ("function", "output_bytes", "told"),
    [
        ("copy", 100, r"copy returned 1,\d\d\d, and has room for 100 bytes; say output_bytes=1\d\d\d$"),
        ("scribble", 100, "scribble wrote b'no JSON', which is no JSON"),
        ("scribble", 3, "scribble returned 7, and has room for 3 bytes"),
    ],
)
def test_a_result_that_cannot_be_read_is_refused(library, function, output_bytes, told):
    """Of what does not fit, nobody knows how much was written."""
    handler = foreign_handler(library, JSON.format(function), output_bytes=output_bytes)

    with pytest.raises(BadResult, match=told):
        handler(Context(input="x" * 1000))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "next takes the fields number of the input as numbers: KeyError"),
        (None, "TypeError: 'NoneType' object"),
        ({"number": "7"}, "TypeError: an integer is required"),
        ({"number": 40_000}, "OverflowError: integer 40000 does not fit 'short'"),
    ],
)
def test_an_input_that_is_no_number_is_refused(library, given, told):
    """For good: another attempt is given the same."""
    with pytest.raises(PermanentError, match=told):
        foreign_handler(library, "int next(short number);", fields=["number"])(Context(input=given))


@pytest.mark.parametrize(
    ("declaration", "options", "told"),
    [
        ("int copy(", {}, "is no declaration in C"),
        ("struct order;", {}, "declares 0 functions"),
        ("int copy(void); int fail(void);", {}, "declares 2 functions; declare the one to call"),
        ("extern int copy;", {}, "declares no function"),
        ("int vanish(void);", {}, "vanish.* undefined symbol"),
        ("int next(short);", {}, r"next is a int\(\*\)\(short\); declare it as int work\(const char"),
        (
            "int next(short);",
            {"fields": ["a", "b"]},
            r"name as many fields, in their order, not \['a', 'b'\]",
        ),
        ("const char *text(void);", {"fields": []}, r"char \* is no number"),
        ("char next(short);", {"fields": ["number"]}, "char is no number"),
    ],
)
def test_a_function_that_is_no_handler_is_refused(library, declaration, options, told):
    """When the worker starts, not when it has its first task."""
    with pytest.raises(BadForeign, match=told):
        foreign_handler(library, declaration, **options)


def test_a_library_that_cannot_be_loaded_says_how_to_make_one():
    with pytest.raises(BadForeign, match=r"/no/such\.so.*compile it with: cc -O2 -shared -fPIC"):
        foreign_handler("/no/such.so", JSON.format("copy"))


def test_without_cffi_there_is_a_command_that_helps():
    """It is in an extra, and what does not call C does without."""
    program = (
        "import sys; sys.modules['cffi'] = None\n"
        "from messenger.workflow import CffiMissing, foreign_handler\n"
        "try: foreign_handler('libm.so.6', 'double cos(double);', fields=['x'])\n"
        "except CffiMissing as error: print(error)\n"
    )

    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)

    assert run.stdout.endswith("-m pip install 'messenger[workflow]'\n"), run.stderr
