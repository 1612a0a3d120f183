"""Templates for the tests: steps by name, and Hypothesis' strategies for them."""

from hypothesis import strategies as st

from messenger.workflow.template import Retry, Step, Template

NAMES = st.from_regex(r"\A[A-Za-z0-9_.-]{1,12}\Z")
SECONDS = st.floats(min_value=0, max_value=31_536_000, exclude_min=True)
RETRIES = st.builds(
    Retry,
    max_attempts=st.integers(1, 1000),
    base_seconds=SECONDS,
    cap_seconds=SECONDS,
    jitter=st.sampled_from(["none", "full", "equal"]),
)


def step(name, *depends_on, **others):
    return Step(name=name, handler="work", depends_on=depends_on, **others)


def template(*steps, **others):
    return Template(name="orders", version="1", steps=steps, **others)


@st.composite
def dags(draw, most=12):
    """Draw the parents of each step, by name, in an order that tells nothing."""
    names = draw(st.lists(NAMES, min_size=1, max_size=most, unique=True))
    parents = {
        name: tuple(draw(st.lists(st.sampled_from(names[:at]), unique=True, max_size=4))) if at else ()
        for at, name in enumerate(names)
    }
    return {name: parents[name] for name in draw(st.permutations(names))}


# Text as files have it: what is no character, or none that PostgreSQL stores, is refused.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
)
SCHEMAS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["object", "string", ["integer", "null"]]),
        "description": TEXT,
        "required": st.lists(TEXT, max_size=3),
        "properties": st.dictionaries(TEXT, st.just({"type": "number"}), max_size=3),
        "enum": st.lists(VALUES, min_size=1, max_size=3),
        "default": VALUES,
    },
)


@st.composite
def templates(draw):
    """Draw a template of tasks."""
    steps = tuple(
        Step(
            name=name,
            handler=draw(NAMES),
            depends_on=depends_on,
            retry=draw(RETRIES),
            timeout_seconds=draw(SECONDS),
        )
        for name, depends_on in draw(dags(most=6)).items()
    )
    schema = draw(st.none() | SCHEMAS)
    return Template(draw(NAMES), draw(NAMES), steps, namespace=draw(NAMES), input_schema=schema)


@st.composite
def workflows(draw, most=6):
    """Draw a template of tasks, decisions and batches, in any order."""
    steps = {name: {"depends_on": [*above]} for name, above in draw(dags(most)).items()}
    workers = {}
    for name in draw(st.lists(st.sampled_from([*steps]), unique=True, max_size=2)):
        worker, after = f"{name}-worker", f"{name}-after"
        steps[worker] = {"depends_on": [name]}
        steps[name] |= {"kind": "batch", "worker": worker}
        workers[worker] = name
        if draw(st.booleans()):
            steps[after] = {"depends_on": [worker, *draw(st.sampled_from([[], [name]]))]}
            steps[name]["convergence"] = after
            others = [each for each in steps.values() if each not in (steps[worker], steps[after])]
            for each in others:  # some of what came after the batch comes after its clones
                if name in each["depends_on"] and draw(st.booleans()):
                    each["depends_on"] = [after if one == name else one for one in each["depends_on"]]
    decided = {*workers}
    for name, fields in steps.items():
        below = [child for child, each in steps.items() if name in each["depends_on"]]
        below = [child for child in below if child not in decided]
        if "kind" not in fields and name not in workers and below and draw(st.booleans()):
            chosen = draw(st.lists(st.sampled_from(below), min_size=1, unique=True))
            fields |= {"kind": "decision", "may_create": chosen}
            decided |= {*chosen}
    return template(
        *(
            Step(
                name=name,
                handler=draw(st.sampled_from(["work", "work", "other"])),
                retry=Retry(max_attempts=draw(st.integers(1, 3))),
                **fields,
            )
            for name, fields in draw(st.permutations([*steps.items()]))
        )
    )
