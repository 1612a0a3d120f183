"""What a template may be, and the order of its steps."""

from itertools import pairwise
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.workflow.graph import cycles_of, order_of
from messenger.workflow.problem import MOST_PROBLEMS, BadTemplate
from messenger.workflow.template import (
    Retry,
    Step,
    Template,
    children,
    convergence_points,
    roots,
    template_of,
    topological_order,
)

from .templates import dags, step, template

DIAMOND = template(step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c"))


def problems_of(*steps, **others):
    with pytest.raises(BadTemplate) as caught:
        template(*steps, **others)
    return [str(problem) for problem in caught.value.problems]


def test_a_diamond_fans_out_and_in():
    """The four questions that a scheduler asks."""
    assert roots(DIAMOND) == ("a",)
    assert children(DIAMOND) == {"a": ("b", "c"), "b": ("d",), "c": ("d",), "d": ()}
    assert convergence_points(DIAMOND) == ("d",)
    assert topological_order(DIAMOND) == ("a", "b", "c", "d")


@given(dags())
def test_an_order_has_every_step_after_its_parents(parents):
    """Steps and edges are inserted in that order."""
    order = order_of(parents)

    assert sorted(order) == sorted(parents)
    assert all(order.index(parent) < order.index(name) for name in parents for parent in parents[name])


@given(dags())
def test_a_graph_without_a_cycle_has_none_found(parents):
    """A template that could be run would be refused."""
    assert list(cycles_of(parents)) == []


@given(dags(), st.data())
def test_a_cycle_is_found_and_named_by_edges_that_exist(parents, data):
    """A task of it would wait for ever."""
    names = data.draw(st.lists(st.sampled_from([*parents]), min_size=1, unique=True))
    closed = dict(parents)
    for name, parent in zip(names, [*names[1:], names[0]], strict=True):
        closed[name] = (*closed[name], parent)

    cycles = list(cycles_of(closed))

    assert cycles
    for cycle in cycles:
        assert cycle[0] == cycle[-1]
        assert len(set(cycle)) == len(cycle) - 1
        assert all(parent in closed[child] for parent, child in pairwise(cycle))


def test_a_cycle_is_named_where_it_closes():
    """Among a thousand steps, it says which line has to go."""
    assert problems_of(step("a", "b"), step("b", "a"), step("c", "b")) == [
        "steps[0].depends_on[0] closes a cycle, a -> b -> a; take one of these dependencies away"
    ]


def test_a_step_that_waits_for_itself_is_a_cycle():
    """The shortest there is."""
    assert "a -> a;" in problems_of(step("a", "a"))[0]


def test_an_unknown_dependency_suggests_the_nearest_name():
    """It is nearly always a typing error."""
    assert problems_of(step("reserve"), step("charge", "resrve")) == [
        "steps[1].depends_on[0] is 'resrve', which is no step; did you mean 'reserve'?"
    ]


def test_two_steps_of_one_name_are_refused():
    """A third could not say which of them it depends on."""
    assert problems_of(step("a"), step("b"), step("a")) == [
        "steps[2].name is 'a', as steps[0].name is; give each step a name of its own"
    ]


def test_a_dependency_written_twice_is_refused():
    """A step that counts its parents down would never reach nought."""
    assert problems_of(step("a"), step("b", "a", "a")) == [
        "steps[1].depends_on[1] is 'a', as item 0 is; name it once"
    ]


def test_a_template_without_steps_is_refused():
    """Its tasks would be complete before they began."""
    assert problems_of() == ["steps is empty; write at least one step"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "a" * 101),
        ("name", "a\n"),
        ("name", "'; drop table steps; --"),
        ("name", "größe"),
        ("name", 7),
        ("handler", "a b"),
        ("timeout_seconds", 0),
        ("timeout_seconds", -1.5),
        ("timeout_seconds", inf),
        ("timeout_seconds", nan),
        ("timeout_seconds", "5"),
        ("kind", "dream"),
        ("depends_on", "b"),
        ("depends_on", [7]),
        ("retry", None),
    ],
)
def test_a_field_out_of_its_range_is_named(field, value):
    """In Python as in a file: nothing else compares a struct with its annotations."""
    fields = {"name": "a", "handler": "h"} | {field: value}

    with pytest.raises(BadTemplate, match=rf"steps\[0\]\.{field}.* is .*; write "):
        template(Step(**fields))
    with pytest.raises(BadTemplate, match=rf"steps\[0\]\.{field}.* is .*; write "):
        template_of({"name": "t", "version": "1", "steps": [fields]})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_attempts", 0),
        ("max_attempts", True),
        ("base_seconds", 0),
        ("cap_seconds", nan),
        ("jitter", "some"),
    ],
)
def test_a_retry_out_of_its_range_is_named(field, value):
    """A retry of no attempts would leave a step that never ran and never failed."""
    [problem] = problems_of(step("a", retry=Retry(**{field: value})))

    assert problem.startswith(f"steps[0].retry.{field} is {value!r}; write ")


def test_all_problems_are_told_at_once():
    """Mending one and running again, ten times, is what makes people hate a checker."""
    problems = problems_of(
        step("a", "x", retry=Retry(max_attempts=0)),
        step("a", timeout_seconds=-1),
        step("c", "c"),
        step("d e"),
    )

    assert [problem.split(" ")[0] for problem in problems] == [
        "steps[0].retry.max_attempts",
        "steps[1].timeout_seconds",
        "steps[3].name",
        "steps[1].name",
        "steps[0].depends_on[0]",
        "steps[2].depends_on[0]",
    ]


def test_an_error_stops_at_so_many_problems():
    """A hostile file of a thousand steps with a hundred typing errors each must not keep a server busy."""
    wrong = [step(f"s{at}", *(f"x{other}" for other in range(100))) for at in range(1000)]

    with pytest.raises(BadTemplate, match="there may be more") as caught:
        template(*wrong)

    assert len(caught.value.problems) == MOST_PROBLEMS


def test_names_that_are_long_and_alike_are_still_told_apart():
    """Looking for the nearest of a thousand must not take for ever, nor find nothing."""
    names = [f"{'step-' * 18}{at:04}" for at in range(1000)]

    problems = problems_of(*(step(name, f"{name}x") for name in names))

    assert problems[0].startswith("steps[0].depends_on[0] is ")
    assert all("did you mean 'step-" in problem for problem in problems)


def test_a_thousand_steps_of_a_hundred_dependencies_are_a_template():
    """What is promised as the limit works there."""
    names = [f"s{at}" for at in range(1000)]

    made = template(*(step(name, *names[max(0, at - 100) : at]) for at, name in enumerate(names)))

    assert topological_order(made) == tuple(names)


@pytest.mark.parametrize(
    "steps", [[step(f"s{at}") for at in range(1001)], [step("a", *(f"s{at}" for at in range(101)))]]
)
def test_more_than_the_limit_is_refused(steps):
    """A step's row holds its parents."""
    assert " items; write " in problems_of(*steps)[0]


@pytest.mark.parametrize("data", [None, [], "orders", {}, {"steps": None}, {"steps": {}}, {"steps": [None]}])
def test_data_that_is_no_template_is_refused_with_reasons(data):
    """It comes from anyone who can reach the server."""
    with pytest.raises(BadTemplate):
        template_of(data)


def test_what_json_cannot_hold_is_no_template():
    """Made in Python of anything, it is stored in a database all the same."""
    with pytest.raises(BadTemplate, match="holds what JSON cannot"):
        template(step("a"), input_schema={"default": object()})


DECISION = step("judge", kind="decision", may_create=("ship", "refund"))


def test_a_decision_and_its_children_are_a_template():
    """The step that both lead to waits for whichever was chosen."""
    made = template(DECISION, step("ship", "judge"), step("refund", "judge"), step("tell", "ship", "refund"))

    assert convergence_points(made) == ("tell",)


def test_a_child_that_does_not_depend_on_its_decision_is_refused():
    """It would run before anyone had decided."""
    assert problems_of(DECISION, step("ship", "judge"), step("refund")) == [
        "steps[0].may_create[1] is 'refund', which does not depend on the decision; "
        "add judge to steps[2].depends_on"
    ]


def test_a_decision_without_a_choice_is_refused():
    """Its author forgot the names, and nothing would ever be created."""
    assert "steps[0].may_create is empty" in problems_of(step("judge", kind="decision"))[0]


def test_a_child_of_two_decisions_is_refused():
    """They could disagree."""
    other = step("doubt", kind="decision", may_create=("ship",))

    assert problems_of(DECISION, other, step("ship", "judge", "doubt"), step("refund", "judge")) == [
        "steps[1].may_create[0] is 'ship', which judge decides about; leave it to one decision"
    ]


BATCH = step("split", kind="batch", worker="load", convergence="sum")


def test_a_batch_its_worker_and_its_convergence_are_a_template():
    """A convergence step has one parent, and as many to wait for as there are ranges."""
    assert convergence_points(template(BATCH, step("load", "split"), step("sum", "load"))) == ("sum",)


@pytest.mark.parametrize(
    ("steps", "place"),
    [
        ([step("split", kind="batch")], "steps[0].worker is missing"),
        ([BATCH, step("load"), step("sum", "load")], "steps[0].worker is 'load', which has to depend on"),
        ([BATCH, step("load", "split"), step("sum")], "steps[0].convergence is 'sum', which does not depend"),
        ([BATCH, step("load", "split")], "steps[0].convergence is 'sum', which is no step"),
        (
            [BATCH, step("load", "split"), step("sum", "load"), step("see", "load")],
            "steps[3].depends_on[0] is 'load', which runs once for each range",
        ),
        ([step("a", worker="b"), step("b", "a")], "steps[0].worker is for batches"),
        ([step("a", may_create=("b",)), step("b", "a")], "steps[0].may_create is for decisions"),
    ],
)
def test_a_batch_that_does_not_hang_together_is_refused(steps, place):
    """Found when it is registered, not when the ten-thousandth row is loaded."""
    assert any(problem.startswith(place) for problem in problems_of(*steps))


def test_lists_are_as_good_as_tuples():
    """Both are what people write, and make one template."""
    made = Template("orders", "1", [step("a"), Step("b", "work", depends_on=["a"])])

    assert made == template(step("a"), step("b", "a"))
    assert hash(made) == hash(template(step("a"), step("b", "a")))


def test_a_made_template_is_frozen():
    """Tasks that run were created from it."""
    with pytest.raises(AttributeError):
        DIAMOND.name = "other"

    assert isinstance(DIAMOND, Template)
