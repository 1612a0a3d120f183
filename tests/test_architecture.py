"""The doors between rooms, and what each room may load."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import messenger

ROOT = Path(messenger.__file__).parent
ROOMS = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
MODULES = sorted(ROOT.rglob("*.py"))
ARM = [path for path in MODULES if path.parent.name == "arm"]

# Every door there may be, from a room to a room.
DOORS = {("node", "bus"), ("maelstrom", "node"), ("collector", "bus")}

# Written as users write theirs: they import the room they stand in by its public name.
AS_USERS_DO = Path("node/workloads")


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def imports_of(path):
    """Yield the absolute name of each module that *path* imports, and whether the import is relative."""
    package = ("messenger", *path.relative_to(ROOT).parent.parts)
    for statement in ast.walk(ast.parse(path.read_text())):
        if isinstance(statement, ast.Import):
            yield from ((alias.name, False) for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.level:
            above = package[: len(package) - statement.level + 1]
            yield ".".join((*above, *filter(None, [statement.module]))), True
        elif isinstance(statement, ast.ImportFrom):
            yield str(statement.module), False


def rooms_imported_by(path):
    """Yield the rooms of ours that *path* imports from, and whether it does so by a relative import."""
    for name, relative in imports_of(path):
        top, _, rest = name.partition(".")
        if top == "messenger" and rest:
            yield rest.partition(".")[0], relative


def loaded_by(program, stdin=b""):
    """Run *program* in a fresh interpreter; return the modules that it has loaded."""
    report = "\nimport sys; print(*sys.modules, file=sys.stderr)"
    run = subprocess.run(
        [sys.executable, "-c", program + report], input=stdin, capture_output=True, timeout=60, check=True
    )
    before = subprocess.run(
        [sys.executable, "-c", report], capture_output=True, timeout=60, check=True
    )  # what .pth files of editable installs load
    return {*run.stderr.decode().split()} - {*before.stderr.decode().split()}


def foreign(modules):
    return {module.partition(".")[0] for module in modules} - set(sys.stdlib_module_names) - {"messenger"}


def test_there_are_rooms_to_guard():
    """A guard that looks at nothing would be content for ever."""
    assert {"node", "gate"} <= ROOMS


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_known_doors_are_used(path):
    """A new door is a decision, and is made here."""
    room = path.relative_to(ROOT).parts[0]

    doors = {(room, other) for other, _ in rooms_imported_by(path) if other != room}

    assert doors <= DOORS


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_are_relative_inside_a_room_and_absolute_across(path):
    """So that a search for `from messenger.` prints every door."""
    room = path.relative_to(ROOT).parts[0]
    if path.relative_to(ROOT).is_relative_to(AS_USERS_DO):
        room = "a user's program"

    wrong = [other for other, relative in rooms_imported_by(path) if relative != (other == room)]

    assert wrong == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_each_module_has_a_caption(path):
    """The first line of a file says what it is, as a sentence."""
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""

    assert docstring.partition("\n")[0].endswith(".")


def test_the_package_itself_is_a_caption_and_nothing_else():
    """Importing one room loads no other."""
    [only] = ast.parse((ROOT / "__init__.py").read_text()).body

    assert isinstance(only, ast.Expr)
    assert isinstance(only.value, ast.Constant)


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_a_room_loads_no_room_it_has_no_door_to(room):
    """What the imports say is what happens."""
    loaded = loaded_by(f"import messenger.{room}")

    others = {name.split(".")[1] for name in loaded if name.startswith("messenger.")} - {room}
    assert {(room, other) for other in others} <= DOORS


RUN_NODE = "from messenger.__main__ import main; main(['node'])"


def test_a_node_loads_the_standard_library_and_msgspec_only():
    """Start-up time, and what can break on a bare machine."""
    loaded = loaded_by(RUN_NODE)

    assert foreign(loaded) == foreign(loaded_by("import msgspec"))


def test_a_node_that_waits_for_nothing_loads_no_event_loop():
    """Those two, asyncio and logging, are most of what a node would load, for nothing."""
    loaded = loaded_by(RUN_NODE)

    assert not loaded & {"asyncio", "logging"}


IN_PROCESS = """
from messenger.bus import connect
with connect("inproc://here") as bus:
    subscription = bus.subscribe("a")
    bus.publish("a", b"")
    assert subscription.get().data == b""
"""


def test_a_bus_within_a_process_needs_msgspec_only():
    """Each transport is imported when its scheme is asked for."""
    assert foreign(loaded_by(IN_PROCESS)) == foreign(loaded_by("import msgspec"))


def test_the_gate_knows_nothing_of_the_product_it_judges():
    """It serves any project with benchmarks."""
    rooms = {room for path in (ROOT / "gate").rglob("*.py") for room, _ in rooms_imported_by(path)}

    assert rooms <= {"gate"}


@pytest.mark.parametrize("path", ARM, ids=name_of)
def test_what_lives_beside_the_product_takes_nothing_from_it(path):
    """It is loaded into the processes that are measured, whatever they have installed."""
    inside = path.relative_to(ROOT).parent.parts

    foreign_to_it = foreign(name for name, _ in imports_of(path)) - {"pytest", "pytest_benchmark"}
    foreign_to_it -= {"pyinstrument"} if path.name == "profiler.py" else set()  # imported when asked for
    rooms = {name for name, _ in imports_of(path) if name.startswith("messenger")}

    assert not foreign_to_it
    assert all(name.startswith(".".join(("messenger", *inside))) for name in rooms)


def test_the_pytest_plugin_loads_nothing_heavy():
    """Every pytest run of everyone who has it installed pays for it."""
    loaded = loaded_by(
        "import pytest, msgspec; import sys; before = set(sys.modules); import messenger.gate.plugin"
    )

    assert not loaded & {"click", "rich", "numpy", "scipy", "matplotlib", "asyncio.base_events"}
