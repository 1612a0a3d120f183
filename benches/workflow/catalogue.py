"""Workflows that are timed; what each ends with tells whether all of it was run."""

from typing import Any, NamedTuple

from messenger.workflow import Context, CursorRange, Workflow, batch, decision, step

NAMESPACE = "bench"
ROWS, RANGES = 1000, 10


class Entry(NamedTuple):
    """A workflow, and what its step *last* returns when all is well, on input 1."""

    workflow: Workflow
    last: str
    result: Any

    @property
    def name(self):
        return self.workflow.template.name


async def add(context: Context):
    """Return one more than the sum of what came before, or of a first step, than the input."""
    return 1 + (sum(context.results.values()) if context.results else context.input)


def of_parents(name: str, parents: dict[str, list[str]]) -> Workflow:
    """Make a workflow of steps that `add`, with the parents of each."""
    steps = [step(name=each, handler="add", depends_on=above)(add) for each, above in parents.items()]
    return Workflow(name, version="1", namespace=NAMESPACE, steps=steps)


def linear(count: int) -> Workflow:
    names = [f"s{number}" for number in range(count)]
    return of_parents(f"linear-{count}", {name: names[max(0, at - 1) : at] for at, name in enumerate(names)})


def fan(count: int) -> Workflow:
    """One step, so many that depend on it, and one on all of these."""
    branches = [f"b{number}" for number in range(count)]
    return of_parents(f"fan-{count}", {"a": [], **{branch: ["a"] for branch in branches}, "z": branches})


def diamond() -> Workflow:
    return of_parents("diamond-4", {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]})


def tree() -> Workflow:
    leaves = {"d": ["b"], "e": ["b"], "f": ["c"], "g": ["c"]}
    return of_parents("tree-7", {"a": [], "b": ["a"], "c": ["a"], **leaves})


def dag() -> Workflow:
    middle = {"d": ["b"], "e": ["b", "c"], "f": ["c"]}
    return of_parents("dag-7", {"a": [], "b": ["a"], "c": ["a"], **middle, "g": ["d", "e", "f"]})


def layers(count: int, width: int = 10) -> Workflow:
    """Layers of *width* steps, each of which depends on two of the layer above."""

    def above(number: int) -> list[str]:
        first, column = number - number % width - width, number % width
        return [] if first < 0 else sorted({f"s{first + column:03}", f"s{first + (column + 1) % width:03}"})

    return of_parents(f"layers-{count}", {f"s{number:03}": above(number) for number in range(count)})


def conditional() -> Workflow:
    """A decision between two steps, and one that comes after whichever ran."""

    @decision(may_create=["left", "right"], depends_on=["start"])
    async def choose(context: Context):
        return "left" if context.results["start"] % 2 == 0 else "right"

    @step(depends_on=[choose])
    async def left(context: Context):
        return 10

    @step(depends_on=[choose])
    async def right(context: Context):
        return 20

    start = step(name="start", handler="add")(add)
    join = step(name="join", handler="add", depends_on=[left, right])(add)
    steps = [start, choose, left, right, join]
    return Workflow("conditional-5", version="1", namespace=NAMESPACE, steps=steps)


def rows() -> Workflow:
    """A batch of rows, in ranges, whose sums are summed up."""

    @batch(worker="load", convergence="sum_up")
    async def split(context: Context):
        size = ROWS // RANGES
        return [CursorRange(start, start + size) for start in range(0, ROWS, size)]

    @step(depends_on=[split])
    async def load(context: Context):
        return sum(range(context.cursor_range.start, context.cursor_range.end))

    @step(depends_on=[load])
    async def sum_up(context: Context):
        return sum(context.results["load"])

    return Workflow(f"batch-{ROWS}rows", version="1", namespace=NAMESPACE, steps=[split, load, sum_up])


ENTRIES = (
    Entry(linear(3), "s2", 4),
    Entry(linear(4), "s3", 5),
    Entry(diamond(), "d", 7),
    Entry(tree(), "g", 4),
    Entry(dag(), "g", 16),
    Entry(conditional(), "join", 11),
    Entry(fan(50), "z", 151),
    Entry(rows(), "sum_up", ROWS * (ROWS - 1) // 2),
)
BY_NAME = {entry.name: entry for entry in ENTRIES}
