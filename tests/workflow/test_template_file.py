"""Templates as text: YAML, JSON and what pretends to be."""

import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from messenger.workflow.problem import BadTemplate
from messenger.workflow.template_file import format_template, parse_template
from messenger.workflow.yaml_text import BadText, read_yaml, write_yaml

from .templates import TEXT, VALUES, step, template, templates

FORMATS = st.sampled_from(["yaml", "json"])

ORDERS = """\
name: orders
version: "1"
steps:
  - name: reserve
    handler: reserve
  - name: charge
    handler: charge
    depends_on: [reserve]
    retry: {max_attempts: 5, jitter: equal}
"""


def error_of(text, format="yaml"):
    with pytest.raises(BadTemplate) as caught:
        parse_template(text, format, source="orders.yaml")
    return str(caught.value)


@given(templates(), FORMATS)
def test_a_template_survives_being_written_and_read(made, format):
    """It is stored, shown, edited and registered again."""
    assert parse_template(format_template(made, format), format) == made


@given(VALUES)
@example("1e3")
@example("on")
@example("12:30")
@example("0o17")
@example("<<")
@example("=")
@example("2026-01-01")
@example("~")
@example("\x85\u2028\ufeff")
def test_plain_data_survives_being_written_and_read_as_yaml(value):
    """An input schema holds any text: the Norwegian `no` and the version `1e3` stay what they are."""
    assert read_yaml(write_yaml(value)).data == value


@given(st.dictionaries(TEXT, TEXT, max_size=4))
def test_keys_survive_being_written_and_read_as_yaml(mapping):
    assert read_yaml(write_yaml(mapping)).data == mapping


@given(st.text() | st.text(alphabet="{}[]:,&*!|>-? \n\"'#ab1"), FORMATS)
def test_any_text_is_a_template_or_refused_with_a_reason(text, format):
    """It comes from anyone who can reach the server."""
    with pytest.raises(BadTemplate, match="cannot be used"):
        parse_template(text, format)


@given(st.binary(max_size=30), FORMATS)
def test_any_bytes_are_a_template_or_refused_with_a_reason(data, format):
    with pytest.raises(BadTemplate, match="cannot be used"):
        parse_template(data, format)


def test_a_file_is_read_as_it_looks():
    made = parse_template(ORDERS)

    assert [(each.name, each.depends_on) for each in made.steps] == [
        ("reserve", ()),
        ("charge", ("reserve",)),
    ]
    assert made.steps[1].retry.jitter == "equal"


def test_what_is_as_it_is_by_default_is_left_out():
    """A template of three steps fits a screen."""
    assert format_template(template(step("a"))) == (
        "name: orders\nversion: '1'\nsteps:\n- name: a\n  handler: work\n"
    )


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (
            "max_attempts: 5",
            "max_attempts: 0",
            "line 9: steps[1].retry.max_attempts is 0; write a whole number",
        ),
        ("[reserve]", "[resrve]", "line 8: steps[1].depends_on[0] is 'resrve', which is no step; did you"),
        (
            "depends_on",
            "depend_on",
            "line 8: steps[1].depend_on is no field of a step; did you mean 'depends_on'?",
        ),
        ('"1"', "1", "line 2: version is 1; write text"),
        ("    handler: charge\n", "", "line 6: steps[1].handler is missing"),
        (
            "name: orders\n",
            "name: orders\nname: others\n",
            "line 2: name is written a second time, first on line 1",
        ),
        ("[reserve]", "[reserve", "line 9: this is not YAML"),
        ("reserve\n", "!!python/name:os.system x\n", "line 4: the tag"),
    ],
)
def test_an_error_names_line_and_field(before, after, told):
    """Whoever reads it has the file open."""
    assert told in error_of(ORDERS.replace(before, after, 1))


def test_errors_in_json_name_their_lines_as_well():
    text = '{\n"name": "orders",\n"version": 1,\n"steps": []}'

    assert "line 3: version is 1" in error_of(text, "json")
    assert "line 4: steps is empty" in error_of(text, "json")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"name": "a", "name": "b"}', "'name' is written twice"),
        ("[NaN]", "NaN is no number of JSON"),
        ("[1,]", "line 1: this is not JSON"),
        ("[" * 100_000, "levels deep"),
        ("[" * 65 + "]" * 65, "levels deep"),
        (f"[{'9' * 5000}]", "thousands of digits"),
        (f'"{"x" * 1_100_000}"', "characters"),
        ('{"input_schema": {"const": 1e999}}', "input_schema cannot be stored: it holds the number inf"),
        ('{"input_schema": {"const": "\\ud800"}}', "input_schema cannot be stored"),
        ('{"input_schema": {"const": "\\u0000"}}', "input_schema cannot be stored"),
    ],
)
def test_hostile_json_is_refused(text, told):
    """Each of them stops some parser or database."""
    assert told in error_of(text, "json")


LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
TOWER = "a0: &a0 [x]\n" + "".join(f"a{at}: &a{at} [*a{at - 1}]\n" for at in range(1, 100))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (LAUGHS, "more than 200,000 values"),
        (TOWER, "more than 64 levels deep"),
        ("- &a [*a]", "*a stands for nothing before it"),
        ("- *a", "*a stands for nothing before it"),
        ("[" * 100_000, "line 1: "),
        ("[" * 70 + "]" * 70, "more than 64 levels deep"),
        ("- " * 5_000 + "x", "line 1: "),
        ("9" * 5000, "too long for a number"),
        ("1e999", "too large for a number"),
        ("x" * 1_100_000, "characters"),
        ("a: !!binary aGVsbG8=", "the tag"),
        ("!!set {a}", "the tag"),
        ("{[a]: b}", "a key is no text"),
        ("1: a", "'1' is no text"),
        ("*a : b", "a key is no text"),
        ("a: b\n---\nc: d", "line 2: a second document"),
        ("", "the text is empty"),
        ("a: \0", "this is not YAML"),
    ],
)
def test_hostile_yaml_is_refused(text, told):
    """A few bytes that would take all memory, call a function or mean two things."""
    assert told in error_of(text)


@pytest.mark.parametrize("format", ["yaml", "json"])
def test_a_list_far_past_its_limit_is_refused_without_a_look_at_each_pair(format):
    """Its text is within what is read, and its square is 10,000,000,000."""
    names = ",".join(f'"{at}"' for at in range(100_000))
    text = f'{{"name": "a", "version": "v", "steps": [{{"name": "a", "depends_on": [{names}]}}]}}'

    assert "steps[0].depends_on has 100,000 items; write 100 at most" in error_of(text, format)


def test_long_keys_around_many_values_take_no_more_memory_than_their_text():
    """Each value's place spelled out would take 60 GB."""
    text = f"? {'k' * 500_000}\n: [{'1,' * 150_000}1]"

    tracemalloc.start()
    told = error_of(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert "is no field of a template" in told
    assert peak < 200_000_000


def test_a_line_is_found_past_keys_with_dots_and_common_beginnings():
    lines = read_yaml("name: 1\nnamespace:\n  a: 2\n  a.b: 3\n  a.b.c:\n  - 4\n").lines

    assert [lines.line_of(f"namespace{place}") for place in ("", ".a", ".a.b", ".a.b.c[0].d", ".x")] == [
        2,
        3,
        4,
        6,
        2,
    ]


def test_aliases_within_the_limits_are_read():
    """One retry for many steps is what people use them for."""
    made = parse_template(
        "name: a\nversion: v\nsteps:\n"
        "- {name: a, handler: h, retry: &often {max_attempts: 9}}\n"
        "- {name: b, handler: h, retry: *often}"
    )

    assert [each.retry.max_attempts for each in made.steps] == [9, 9]


def test_a_problem_within_an_alias_is_told_with_the_line_that_uses_it():
    """The line it was written on is told for the step that it was written in."""
    told = error_of(
        "name: a\nversion: v\nsteps:\n"
        "- {name: a, handler: h, retry: &r {jitter: x}}\n"
        "- {name: b, handler: h, retry: *r}"
    )

    assert "line 4: steps[0].retry.jitter is 'x'" in told
    assert "line 5: steps[1].retry.jitter is 'x'" in told


def test_the_reader_says_where_a_text_of_its_own_is_wrong():
    with pytest.raises(BadText, match="line 3: a is written a second time, first on line 1; keep one"):
        read_yaml("a: 1\nb: 2\na: 3")
