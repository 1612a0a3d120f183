"""What inputs a schema allows."""

from typing import Annotated

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.workflow.input_schema import BadInput, check_input, schema_of, schema_problems
from messenger.workflow.problem import BadTemplate

from .templates import step, template

# Few names and numbers, so that schemas and values often have to do with each other.
NAMES = st.sampled_from(["a", "b", "c"])
SIZES = st.integers(0, 3)
NUMBERS = st.integers(-2, 2) | st.sampled_from([0.5, 1.0, -1.5])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text("ab", max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])


def schemas_of(inner):
    several = st.lists(inner, min_size=1, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
            "enum": st.lists(VALUES, min_size=1, max_size=3),
            "const": VALUES,
            "properties": st.dictionaries(NAMES, inner, max_size=3),
            "required": st.lists(NAMES, max_size=2, unique=True),
            "additionalProperties": inner,
            "items": inner,
            "prefixItems": several,
            "anyOf": several,
            "allOf": several,
            **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), NUMBERS),
            **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), SIZES),
            **dict.fromkeys(("minProperties", "maxProperties"), SIZES),
            "description": st.text(max_size=3),
        },
    )


SCHEMAS = st.recursive(st.booleans(), schemas_of, max_leaves=6)


@given(SCHEMAS, VALUES)
def test_a_value_is_allowed_as_a_complete_validator_allows_it(schema, value):
    """A subset of JSON Schema has to mean what JSON Schema does."""
    assert list(schema_problems(schema, "input_schema")) == []

    try:
        check_input(value, schema)
    except BadInput:
        allowed = False
    else:
        allowed = True

    assert allowed == jsonschema.Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize(
    ("schema", "allowed", "refused"),
    [
        ({"type": "integer"}, 1.0, True),
        ({"type": "integer"}, 0, 1.5),
        ({"type": "number"}, 1.5, False),
        ({"type": ["string", "null"]}, None, 0),
        ({"enum": [1, "a", [True]]}, 1.0, True),
        ({"enum": [[1], {"a": 0}]}, {"a": 0.0}, {"a": False}),
        ({"const": {"a": [1]}}, {"a": [1.0]}, {"a": [1], "b": 1}),
        ({"minimum": 2}, 2, 1.9),
        ({"maximum": 2}, 2, 2.1),
        ({"exclusiveMinimum": 2}, 2.1, 2),
        ({"exclusiveMaximum": 2}, 1.9, 2),
        ({"minLength": 2}, "ab", "a"),
        ({"maxLength": 2}, "ab", "abc"),
        ({"minItems": 1}, [0], []),
        ({"maxItems": 1}, [0], [0, 0]),
        ({"minProperties": 1}, {"a": 0}, {}),
        ({"maxProperties": 1}, {"a": 0}, {"a": 0, "b": 0}),
        ({"required": ["a"]}, {"a": None}, {"b": None}),
        ({"properties": {"a": {"type": "null"}}}, {"b": 1}, {"a": 1}),
        ({"properties": {"a": True}, "additionalProperties": False}, {"a": 1}, {"b": 1}),
        ({"additionalProperties": {"type": "null"}}, {"a": None}, {"a": 1}),
        ({"items": {"type": "null"}}, [None, None], [None, 1]),
        ({"prefixItems": [True], "items": False}, [1], [1, 2]),
        ({"anyOf": [{"type": "null"}, {"minimum": 2}]}, 2, 1),
        ({"allOf": [{"maximum": 3}, {"minimum": 2}]}, 2, 1),
    ],
)
def test_each_keyword_draws_its_line_where_json_schema_does(schema, allowed, refused):
    """Found at random, a bound is nearly never met exactly."""
    complete = jsonschema.Draft202012Validator(schema)

    assert complete.is_valid(allowed)
    check_input(allowed, schema)
    assert not complete.is_valid(refused)
    with pytest.raises(BadInput):
        check_input(refused, schema)


ORDER = {
    "type": "object",
    "required": ["id", "lines"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "maxLength": 8},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"amount": {"minimum": 1}}}},
    },
}


def test_every_place_that_does_not_fit_is_named():
    """Who sends an order of a hundred lines wants to know which."""
    with pytest.raises(BadInput) as caught:
        check_input({"lines": [{"amount": 1}, {"amount": 0}, 7], "lnes": 1}, ORDER)

    assert [str(problem) for problem in caught.value.problems] == [
        "input.id is missing",
        "input.lines[1].amount is 0, less than 1",
        "input.lines[2] is 7, not of type object",
        "input.lnes is not in the schema; did you mean 'lines'?",
    ]


def test_without_a_schema_every_input_is_allowed():
    check_input([1, None], None)


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "strin"}, "input_schema.type is 'strin'; write one of"),
        (
            {"propertys": {}},
            "input_schema.propertys is no keyword that is checked; did you mean 'properties'?",
        ),
        ({"pattern": "(a+)+$"}, "input_schema.pattern is not checked, as some patterns take for ever"),
        ({"$ref": "#"}, "input_schema.$ref is not followed"),
        (
            {"properties": {"a": {"maxLength": -1}}},
            "input_schema.properties.a.maxLength is -1; write a whole",
        ),
        ({"anyOf": [True, {"enum": []}]}, "input_schema.anyOf[1].enum is []; write a list"),
        ({"items": 7}, "input_schema.items is 7; write true, false or a schema"),
    ],
)
def test_a_keyword_that_would_not_be_obeyed_is_refused_with_its_template(schema, told):
    """A check that is passed over in silence is believed to be there."""
    with pytest.raises(BadTemplate) as caught:
        template(step("a"), input_schema=schema)

    assert told in str(caught.value)


def test_a_schema_that_is_too_deep_is_refused():
    """Checking goes as deep as its schema does."""
    schema = {}
    for _ in range(100):
        schema = {"items": schema}

    [problem] = schema_problems(schema, "input_schema")

    assert "more than 64 schemas deep" in str(problem)


class Line(msgspec.Struct):
    amount: Annotated[int, msgspec.Meta(ge=1)]


class Order(msgspec.Struct):
    id: str
    lines: list[Line]
    discriminator: Line | None = None


class Tree(msgspec.Struct):
    children: "list[Tree]"


def test_a_type_becomes_a_schema():
    """Who writes templates in Python writes no JSON Schema."""
    schema = schema_of(Order)

    assert list(schema_problems(schema, "input_schema")) == []
    check_input({"id": "7", "lines": [{"amount": 1}], "discriminator": None}, schema)
    with pytest.raises(BadInput, match=r"input\.lines\[0\]\.amount is 0, less than 1"):
        check_input({"id": "7", "lines": [{"amount": 0}]}, schema)
    with pytest.raises(BadInput, match=r"input\.discriminator is 7, which none of the 2"):
        check_input({"id": "7", "lines": [], "discriminator": 7}, schema)


def test_a_type_that_refers_to_itself_is_refused():
    """Its schema would be endless."""
    with pytest.raises(TypeError, match="Tree refers to itself"):
        schema_of(Tree)
