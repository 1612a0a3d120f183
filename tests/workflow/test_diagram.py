"""What a task looks like on a terminal."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from messenger.workflow.drawing.diagram import WIDTH_LEAST, Drawn, format_diagram, format_summary
from messenger.workflow.drawing.lanes import lay_out
from messenger.workflow.state import StepState, TaskState

from .templates import dags

S = StepState

LINEAR = (
    Drawn("1", (), S.COMPLETE),
    Drawn("2", ("1",), S.IN_PROGRESS, "attempt 1 of 3"),
    Drawn("3", ("2",), S.PENDING),
)
DIAMOND = (
    Drawn("reserve", (), S.COMPLETE),
    Drawn("charge", ("reserve",), S.ERROR, "card 4711 was refused"),
    Drawn("pack", ("reserve",), S.RESOLVED_MANUALLY),
    Drawn("ship", ("charge", "pack"), S.PENDING),
)
TREE = tuple(Drawn(str(at), (str(at // 2),) if at > 1 else (), S.ENQUEUED) for at in range(1, 8))
CONDITIONAL = (
    Drawn("judge", (), S.COMPLETE),
    Drawn("refund", ("judge",), S.CANCELLED),
    Drawn("ship", ("judge",), S.WAITING_FOR_RETRY, "attempt 2 of 3"),
    Drawn("notify", ("refund", "ship"), S.PENDING),
    Drawn("audit", ("judge",), S.IN_PROGRESS),
)


def expected(drawing):
    return drawing.strip("\n").split("\n")


def template_of(parents):
    return [Drawn(name, waits_for) for name, waits_for in parents.items()]


def test_a_chain_goes_straight_down():
    """Most tasks are one."""
    assert format_diagram(LINEAR) == expected("""
✔ 1  complete
▶ 2  in progress  attempt 1 of 3
○ 3  pending
""")


def test_a_diamond_parts_on_the_left_and_comes_together_on_the_right():
    """What is left of a step comes before it, what is right of it after."""
    assert format_diagram(DIAMOND) == expected("""
✔ reserve     complete
├─✘─┐ charge  error              card 4711 was refused
└─✎─┤ pack    resolved manually
○───┘ ship    pending
""")


def test_a_diamond_can_be_drawn_in_ascii():
    """A log of a build has often no other characters."""
    assert format_diagram(DIAMOND, ascii_only=True) == expected("""
* reserve     complete
|-X-. charge  error              card 4711 was refused
`-=-| pack    resolved manually
o---' ship    pending
""")


def test_a_tree_is_drawn_branch_by_branch():
    """By level, all branches would run beside one another."""
    assert format_diagram(TREE) == expected("""
◌ 1      enqueued
├─◌ 2    enqueued
│ ├─◌ 4  enqueued
│ └─◌ 5  enqueued
└─◌ 3    enqueued
  ├─◌ 6  enqueued
  └─◌ 7  enqueued
""")


def test_a_branch_that_was_not_chosen_is_seen_beside_the_other():
    """Both lead to what runs after either."""
    assert format_diagram(CONDITIONAL) == expected("""
✔ judge       complete
├─⊘─┐ refund  cancelled
├─↻─┤ ship    waiting for retry  attempt 2 of 3
│ ○─┘ notify  pending
└─▶ audit     in progress
""")


def test_a_fan_of_50_takes_two_lanes():
    """One for each edge would be wider than the screen."""
    names = [f"load-{at:02}" for at in range(50)]
    steps = [
        Drawn("split", (), S.COMPLETE),
        *(Drawn(name, ("split",), S.COMPLETE) for name in names),
        Drawn("sum", tuple(names), S.ENQUEUED),
    ]

    assert format_diagram(steps) == [
        "✔ split        complete",
        "├─✔─┐ load-00  complete",
        *(f"├─✔─┤ {name}  complete" for name in names[1:-1]),
        "└─✔─┤ load-49  complete",
        "◌───┘ sum      enqueued",
    ]


def test_steps_that_wait_for_the_same_others_share_a_lane():
    """Every pair of them would otherwise have a line of its own."""
    stages = {"a": (), "b": (), "c": ("a", "b"), "d": ("a", "b"), "e": ("c", "d"), "f": ("c", "d")}

    assert format_diagram(template_of(stages)) == expected("""
┌─•─┐ a
└─•─┤ b
┌───┘
├─•─┐ c
└─•─┤ d
┌───┘
├─• e
└─• f
""")


def test_a_lane_passes_behind_what_it_does_not_concern():
    """A crossing that looked like a joint would be an edge too many."""
    crossed = {"a": (), "b": (), "c": (), "ab": ("a", "b"), "ac": ("a", "c"), "bc": ("b", "c")}

    assert format_diagram(template_of(crossed)) == expected("""
┌─•─┬─┐ a
├─•─┼─│─┐ b
│ •─┘ │ │ ab
└─•───┼─┤ c
•─────┘ │ ac
•───────┘ bc
""")


def test_a_deep_tree_begins_again_on_the_left():
    """A hundred levels do not fit on a screen."""
    deep = {"0": ()}
    for at in range(1, 8):
        deep |= {f"{at}-end": (str(at - 1),), str(at): (str(at - 1),)}

    assert format_diagram(template_of(deep), width=60) == expected("""
• 0
├─• 1-end
└─• 1
  ├─• 2-end
  └─• 2
    ├─• 3-end
    └─• 3
      ├─• 4-end
      └─• 4
        ├─• 5-end
        └─• 5
┌─────────┘
├─• 6-end
└─• 6
  ├─• 7-end
  └─• 7
""")


def test_edges_without_room_are_told_in_words():
    """Twenty lines beside one another are no drawing either, and the longest are the first to go."""
    roots = dict.fromkeys("abcdefg", ())
    pairs = {one + other: (one, other) for one, other in product("abc", "defg")}
    both = {"all": tuple(roots), "each": tuple(roots)}

    assert format_diagram(template_of(roots | pairs | both), width=60) == expected("""
┌─•─┬─────┐ a
├─•─│─┬───│─┐ b
├─•─│─│─┐ │ │ c
├─•─┼─┼─┤ │ │ d
│ •─┘ │ │ │ │ ad
│ •───┘ │ │ │ bd
│ •─────┘ │ │ cd
├─•───────┼─┤ e
│ •───────┘ │ ae
│ •─────────┘ be
│ • ce            after c, e
├─• f
│ • af            after a, f
│ • bf            after b, f
│ • cf            after c, f
└─• g
• ag              after a, g
• bg              after b, g
• cg              after c, g
┌ after a, b, +5
├─• all
└─• each
""")


def test_a_long_name_is_cut_for_its_note():
    """A wrapped line would break every lane that it crosses."""
    steps = [
        Drawn("x" * 100, (), S.COMPLETE),
        Drawn("load", ("x" * 100,), S.IN_PROGRESS, "812 of 1,000 ranges, and what else there is to say"),
    ]

    assert format_diagram(steps, width=80) == expected("""
✔ xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…  complete
▶ load                                         in progress  812 of 1,000 ranges…
""")


def test_a_note_cannot_move_the_cursor():
    """It may be the error of a server that somebody else wrote to."""
    steps = [Drawn("a", (), S.ERROR, "\x1b[2Jgone\r\nand\tgone")]

    assert format_diagram(steps) == ["✘ a  error  [2Jgone and gone"]


def test_a_wide_character_takes_two_columns():
    """A line of them would wrap at half of its length."""
    (line,) = format_diagram([Drawn("a", (), S.ERROR, "日" * 80)], width=80)

    assert line == "✘ a  error  " + "日" * 33 + "…"


def test_colour_is_laid_on_symbols_and_states():
    """It takes no columns, so that it must not be counted."""
    painted = format_diagram(DIAMOND, paint=lambda text, state: f"<{text}>" if state is S.ERROR else text)

    assert painted == [
        line.replace("✘", "<✘>").replace("error", "<error>") for line in format_diagram(DIAMOND)
    ]


def test_nothing_is_drawn_of_nothing():
    """A template may have no steps."""
    assert format_diagram([]) == []


def read_parents(drawing):
    """Follow the lines of *drawing*, each of which ends with a name, from every step to its parents."""
    names = [line.rsplit(" ", 1)[-1] for line in drawing]

    def above(at, column):
        match drawing[at - 1][column]:
            case "•" | "┐" | "┬":
                return {names[at - 1]}
            case "┤" | "┼":
                return {names[at - 1], *above(at - 1, column)}
            case "│" | "├":
                return above(at - 1, column)
            case "┌" if "•" in drawing[at - 1]:
                return set()
            case "┌":
                return above(at - 1, drawing[at - 1].index("┘"))

    def parents(at, line):
        column = line.index("•")
        if line[:column].endswith("─"):
            return above(at, column - 2) if line[column - 2] != "┌" else set()
        if ends := [place for place, each in enumerate(line) if each in "┘┴" and place > column]:
            return above(at, ends[0])
        return above(at, column) if at else set()

    return {names[at]: parents(at, line) for at, line in enumerate(drawing) if "•" in line}


@given(parents=dags(most=20))
def test_the_edges_can_be_read_from_the_drawing(parents):
    """A drawing that two graphs share would be believed to show the other one."""
    drawing = format_diagram(template_of(parents), width=1000)

    assert read_parents(drawing) == {name: {*waits_for} for name, waits_for in parents.items()}


@given(parents=dags(most=20), most=st.integers(0, 6))
def test_every_step_is_drawn_once_and_below_its_parents(parents, most):
    """A step that is not there cannot be asked about."""
    names = [row.name for row in lay_out(parents, most).rows if row.name is not None]

    assert sorted(names) == sorted(parents)
    assert all(names.index(parent) < names.index(name) for name in names for parent in parents[name])


@st.composite
def steps_of_tasks(draw):
    states = st.sampled_from([*S, None])
    notes = st.text(max_size=60)
    long = draw(st.sampled_from(["", "x" * 88]))
    return [
        Drawn(long + name, tuple(long + parent for parent in waits_for), draw(states), draw(notes))
        for name, waits_for in draw(dags(most=20)).items()
    ]


@given(steps=steps_of_tasks(), width=st.integers(WIDTH_LEAST, 130))
def test_no_line_is_wider_than_the_terminal(steps, width):
    """It would be wrapped, and break all lanes."""
    drawing = format_diagram(steps, width=width, ascii_only=True)

    assert max(map(len, drawing)) <= width
    assert all(line.isascii() and line.isprintable() for line in drawing)
    assert max(map(cell_len, format_diagram(steps, width=width))) <= width


@pytest.mark.parametrize("ascii_only", [False, True])
def test_every_state_has_a_symbol_of_its_own(ascii_only):
    """Without colours, the symbol is what the eye finds first."""
    drawings = [format_diagram([Drawn("a", (), state)], ascii_only=ascii_only) for state in [*S, None]]

    assert len({line[0] for (line,) in drawings}) == len(S) + 1


def test_a_summary_says_the_most_urgent_first():
    """It may be the only line that is read."""
    steps = [S.COMPLETE] * 5 + [S.CANCELLED, S.PENDING, S.ERROR]

    assert format_summary("task 17 orders/ship 3", TaskState.IN_PROGRESS, steps) == (
        "task 17 orders/ship 3: in progress, 5 of 8 steps complete, 1 in error, 1 pending, 1 cancelled"
    )


def test_a_summary_of_a_batch_can_be_read():
    """Its clones are steps as well."""
    steps = [S.COMPLETE] * 1234 + [S.ENQUEUED] * 8766

    assert format_summary("task 1", TaskState.WAITING, steps) == (
        "task 1: waiting, 1,234 of 10,000 steps complete, 8,766 enqueued"
    )


def test_a_summary_has_every_state():
    """A state that is left out is a step that is missing."""
    assert format_summary("task 1", TaskState.IN_PROGRESS, S) == (
        "task 1: in progress, 1 of 8 steps complete, 1 in error, 1 waiting for retry, 1 in progress, "
        "1 enqueued, 1 pending, 1 resolved manually, 1 cancelled"
    )
