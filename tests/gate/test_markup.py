import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from messenger.gate.reports.markup import code, fenced, inert, item
from messenger.gate.reports.words import plain

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
# What GitHub makes a link or a notification of, in the text that is left when markdown has been read.
NOTICED = re.compile(r"@[\w-]|(?<!\w)#\d|GH-\d|\w+://|www\.|[\w.+-]+@[\w-]+\.", re.IGNORECASE)
PIECES = st.lists(
    st.sampled_from(
        [
            *"\\`*_~[]()!<>&|$#@-+=.:/1a ",
            "www.evil.example",
            "https://evil.example",
            "@everyone",
            "#1",
            "GH-1",
            "a@b.example",
            "<script>",
            "<!--",
            "&lt;",
            "```",
            "[x](y)",
            "\n",
            "\x1b",
            "日",
        ]
    ),
    min_size=1,
    max_size=8,
).map("".join)


def shown(tokens):
    """Return the text that a reader sees, and the kinds of all that is more than text."""
    inline = [child for token in tokens if token.type == "inline" for child in token.children]
    return "".join(child.content for child in inline if child.type == "text"), {
        child.type for child in inline
    } - {"text"}


@given(PIECES)
def test_text_is_shown_as_it_stands(text):
    """A reason in a report of a fork is written by whoever made the fork."""
    seen, more = shown(MARKDOWN.parse(f"x {inert(text)} x"))

    assert seen.replace("\u200b", "") == f"x {plain(text)} x"
    assert more == set()


@given(PIECES)
def test_nobody_is_called_and_nothing_is_linked(text):
    """GitHub looks into what is shown, where no escape is left."""
    seen, _ = shown(MARKDOWN.parse(f"x {inert(text)} x"))

    assert not NOTICED.search(seen)


@given(PIECES)
def test_an_item_of_a_list_is_one_line_of_text(text):
    tokens = MARKDOWN.parse(item(f"{text}x"))

    assert [token.type for token in tokens if token.nesting >= 0] == [
        "bullet_list_open",
        "list_item_open",
        "paragraph_open",
        "inline",
    ]
    assert shown(tokens)[0].replace("\u200b", "") == plain(f"{text}x").strip()


@given(PIECES)
def test_a_name_in_a_table_is_one_span_of_code(text):
    tokens = MARKDOWN.parse(f"| a | b |\n|---|---|\n| {code(f'x{text}x')} | y |\n")

    [_, _, name, other] = [token for token in tokens if token.type == "inline"]
    assert [(child.type, child.content) for child in name.children] == [("code_inline", plain(f"x{text}x"))]
    assert other.content == "y"


@given(st.lists(PIECES, min_size=1))
@example(["```"])
def test_no_line_ends_the_block_it_stands_in(lines):
    [block] = MARKDOWN.parse(fenced(lines, "sh"))

    assert (block.type, block.info) == ("fence", "sh")
    assert block.content == "".join(f"{plain(line)}\n" for line in lines)


@pytest.mark.parametrize("text", ["+5.2 % in 1 us; 3 of 8", "a_b.py", "~ Skipped", "x -> y"])
def test_ordinary_text_stays_readable_in_its_source(text):
    assert inert(text) == text
