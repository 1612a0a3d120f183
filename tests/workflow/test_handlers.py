"""What handlers are given, may return and may raise, and how they are found."""

import asyncio
import pickle
from functools import partial
from math import inf, nan

import msgspec
import pytest
from hypothesis import given

from messenger.workflow import (
    BadResult,
    BadTemplate,
    Context,
    CursorRange,
    Handlers,
    LeaseLost,
    NotJson,
    PermanentError,
    Retry,
    RetryLater,
    UnknownHandler,
    Workflow,
    batch,
    decision,
    parse_template,
)
from messenger.workflow import step as work
from messenger.workflow.json_value import encode_json
from messenger.workflow.outcome import MOST_RANGES, outcome_of

from .templates import VALUES, step


@work
def reserve(context):
    """Set the items aside."""
    return {"items": context.input["items"]}


@work(depends_on=[reserve], retry=Retry(max_attempts=5), timeout_seconds=2)
async def charge(context):
    return len(context.results["reserve"]["items"])


@decision(depends_on=[charge], may_create=["ship", "refund"])
def judge(context):
    return ship if context.results["charge"] else refund


@work(depends_on=[judge])
def ship(context): ...


@work(depends_on=["judge"], handler="give_back", runs_in="loop")
def refund(context): ...


ORDERS = Workflow("orders", version="1", steps=[reserve, charge, judge, ship, refund])


def test_a_workflow_in_python_is_the_template_it_would_be_in_a_file():
    """There is one kind of template, whoever writes it."""
    assert ORDERS.template == parse_template("""
        name: orders
        version: "1"
        steps:
          - {name: reserve, handler: reserve}
          - name: charge
            handler: charge
            depends_on: [reserve]
            retry: {max_attempts: 5}
            timeout_seconds: 2
          - {name: judge, handler: judge, depends_on: [charge], kind: decision, may_create: [ship, refund]}
          - {name: ship, handler: ship, depends_on: [judge]}
          - {name: refund, handler: give_back, depends_on: [judge]}
    """)


def test_a_workflow_brings_its_handlers():
    """A worker needs to be told nothing else."""
    assert ORDERS.handlers.missing(ORDERS.template) == ()
    assert [(each.name, each.runs_in, each.asynchronous) for each in ORDERS.handlers] == [
        ("reserve", "thread", False),
        ("charge", "loop", True),
        ("judge", "thread", False),
        ("ship", "thread", False),
        ("give_back", "loop", False),
    ]


def test_a_step_is_still_its_function():
    """It is tested by calling it."""
    reserved = reserve(Context(input={"items": ["hat", "cat"]}))

    assert asyncio.run(charge(Context(results={"reserve": reserved}))) == 2


def test_a_batch_is_written_with_its_worker():
    @batch(worker="load", convergence="sum_up")
    def split(context): ...

    @work(depends_on=[split])
    def load(context): ...

    @work(depends_on=[load])
    def sum_up(context): ...

    made = Workflow("rows", version="1", steps=[split, load, sum_up]).template

    assert (made.steps[0].kind, made.steps[0].worker, made.steps[0].convergence) == (
        "batch",
        "load",
        "sum_up",
    )


def test_a_workflow_that_could_not_run_cannot_be_made():
    """The program that holds it does not start, and that is when its author looks."""
    with pytest.raises(BadTemplate, match="is 'reserve', which is no step"):
        Workflow("orders", version="1", steps=[charge])


def test_one_name_where_several_can_be_is_refused():
    """Each of its letters would be a step's name."""
    with pytest.raises(TypeError, match=r"'reserve' is one name.*write \['reserve'\]"):
        work(depends_on="reserve")(print)


def test_a_type_is_an_input_schema():
    class Order(msgspec.Struct):
        items: list[str]

    made = Workflow("orders", version="1", steps=[reserve], input_schema=Order).template

    assert made.input_schema["properties"]["items"] == {"type": "array", "items": {"type": "string"}}


def test_handlers_of_files_are_found_by_their_names():
    handlers = Handlers()

    @handlers.add
    def pay(context): ...

    assert handlers["pay"].function is pay
    assert "pay" in handlers
    assert len(handlers) == 1


def test_an_unknown_handler_suggests_the_nearest():
    """A worker that lacks it finds out when it starts, see `missing`."""
    with pytest.raises(UnknownHandler, match="no handler is called 'chrage'; did you mean 'charge'"):
        ORDERS.handlers["chrage"]

    assert Handlers().missing(ORDERS.template) == ("reserve", "charge", "judge", "ship", "give_back")


def test_two_functions_of_one_name_are_refused():
    """The second would do the work of the first, and nobody would know."""
    handlers = Handlers()
    handlers.put(reserve.handler)
    handlers.put(reserve.handler)

    with pytest.raises(
        ValueError, match=r"handler 'reserve' is .*reserve in the thread, and cannot be .*ship"
    ):
        handlers.add(ship.handler.function, "reserve")


def test_an_asynchronous_handler_cannot_run_in_a_thread():
    """Nobody would await it there."""

    class Charge:
        async def __call__(self, context): ...

    with pytest.raises(TypeError, match="'Charge' is asynchronous and cannot run in a thread"):
        Handlers().add(Charge(), runs_in="thread")


@work(runs_in="process")
def compress(context):
    return context.input * 2


def test_a_handler_for_a_process_survives_the_way_there():
    """Pickle finds a step under the function's name, and would refuse."""
    handler = pickle.loads(pickle.dumps(compress.handler))  # noqa: S301 - our own

    assert handler == compress.handler
    assert handler.function(Context(input=21)) == 42


def test_a_handler_that_a_process_would_not_find_is_refused():
    """When it is written, not when its first task runs."""
    with pytest.raises(TypeError, match="define it at the top of a module"):
        Handlers().add(lambda context: None, "nameless", "process")


def test_a_place_that_there_is_not_is_refused():
    with pytest.raises(
        ValueError, match="runs_in of handler 'print' is 'threads'; write one of loop, thread"
    ):
        Handlers().add(print, runs_in="threads")


def test_an_option_that_there_is_not_is_refused():
    """A dependency that was passed over would let the step run too early."""
    with pytest.raises(TypeError, match="a step has no depend_on; did you mean 'depends_on'"):
        work(depend_on=["a"])


def test_what_is_no_function_is_no_handler():
    with pytest.raises(TypeError, match="7 is no function"):
        Handlers().add(7)


def test_a_partial_function_is_a_handler_under_the_name_it_is_given():
    handlers = Handlers()
    handlers.add(partial(print, end=""), "say")

    assert handlers["say"].runs_in == "thread"


TASK = step("a")
DECISION = step("judge", kind="decision", may_create=("ship", "refund"))
BATCH = step("split", kind="batch", worker="load")


@given(VALUES)
def test_a_result_is_what_was_returned(value):
    """A child reads what its parent wrote."""
    assert msgspec.json.decode(outcome_of(TASK, value).result) == value


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        (object(), "Encoding objects of type object is unsupported"),
        ({"rate": [nan]}, "it holds the number nan"),
        (-inf, "it holds the number -inf"),
        ("a\0b", "it holds the character U\\+0000"),
        ({"\0": None}, "it holds the character U\\+0000"),
        ("\ud800", "'utf-8' codec can't encode"),
        ("x" * 10_000_000, "it takes 10,000,002 bytes, and 1,048,576 are stored at most"),
    ],
)
def test_a_result_that_cannot_be_stored_is_refused(returned, told):
    """As null, not-a-number would be lost in silence; 10 MB would be copied into each child."""
    with pytest.raises(BadResult, match=f"handler 'work' returned what is no result: {told}"):
        outcome_of(TASK, returned)


def test_a_result_that_refers_to_itself_is_refused():
    endless = []
    endless.append(endless)

    with pytest.raises(BadResult):
        outcome_of(TASK, endless)


def test_text_that_only_looks_unstorable_is_stored():
    assert msgspec.json.decode(encode_json(["null", "\\u0000", None])) == ["null", "\\u0000", None]


@pytest.mark.parametrize(
    ("returned", "creates"),
    [
        ("ship", ("ship",)),
        (ship, ("ship",)),
        (["refund", "ship", "ship"], ("ship", "refund")),
        ({"refund"}, ("refund",)),
        ((), ()),
        (None, ()),
    ],
)
def test_a_decision_returns_what_to_create(returned, creates):
    outcome = outcome_of(DECISION, returned)

    assert outcome.creates == creates
    assert msgspec.json.decode(outcome.result) == list(creates)


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        ("shp", "chose 'shp', which is not in may_create; did you mean 'ship'"),
        (["ship", 7], "returned 7; return names"),
        (True, "returned True; return names"),
    ],
)
def test_a_choice_that_there_is_not_is_refused(returned, told):
    """The step that was meant would be skipped."""
    with pytest.raises(BadResult, match=told):
        outcome_of(DECISION, returned)


def test_a_batch_returns_ranges():
    """A generator will do, and pairs."""
    outcome = outcome_of(BATCH, ((at, at + 500) for at in (0, 500)))

    assert outcome.ranges == (CursorRange(0, 500), CursorRange(500, 1000))
    assert outcome == outcome_of(BATCH, [CursorRange(0, 500), [500, 1000]])


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        (None, "returned None; return a list of CursorRange"),
        ("ab", "returned 'ab'; return a list"),
        ([(1, 2), 7], "returned 7 as item 1; write CursorRange"),
        ([(0, 1)] * (MOST_RANGES + 1), "returned more than 10,000 ranges"),
        ([(0, object())], "returned what is no result"),
    ],
)
def test_ranges_that_are_none_are_refused(returned, told):
    with pytest.raises(BadResult, match=told):
        outcome_of(BATCH, returned)


def test_a_bad_result_is_not_attempted_again():
    """It costs what the step costs, and comes to the same."""
    assert issubclass(BadResult, PermanentError)


def test_retry_later_says_when_and_why():
    error = RetryLater(90, "the bank is closed")

    assert error.seconds == 90
    assert str(error) == "the bank is closed; again in 90 s"


@pytest.mark.parametrize("seconds", [-1, nan, inf])
def test_retry_later_takes_seconds_that_come(seconds):
    with pytest.raises(ValueError, match="give a finite number"):
        RetryLater(seconds)


def test_a_heartbeat_carries_a_checkpoint_as_json():
    """A next attempt goes on from there; None is a checkpoint as well."""
    sent = []
    context = Context(send_heartbeat=sent.append)

    context.heartbeat()
    context.heartbeat({"row": 500})
    context.heartbeat(None)

    assert sent == [None, b'{"row":500}', b"null"]


def test_a_checkpoint_that_cannot_be_stored_is_refused_where_it_is_sent():
    with pytest.raises(NotJson, match="unsupported"):
        Context().heartbeat(object())


def test_a_heartbeat_tells_a_handler_to_stop():
    """Cancelled, or too late: the worker's side raises, and the handler ends unless it catches that."""

    def gone(checkpoint):
        raise LeaseLost("step 7 was cancelled")

    with pytest.raises(LeaseLost, match="cancelled"):
        Context(send_heartbeat=gone).heartbeat()
