"""Which subscriptions a subject concerns."""

import re
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.bus.subject import BadSubject, Routes, check_pattern, check_subject, matches

TOKEN = st.sampled_from(["a", "b", "cc", "d-1"])
SUBJECTS = st.lists(TOKEN, min_size=1, max_size=5).map(".".join)
PATTERNS = st.builds(
    lambda tokens, rest: ".".join([*tokens, *rest]),
    st.lists(TOKEN | st.just("*"), min_size=1, max_size=4),
    st.sampled_from([(), (">",)]),
) | st.just(">")


@given(PATTERNS, SUBJECTS)
def test_a_pattern_matches_what_the_regular_expression_it_stands_for_does(pattern, subject):
    """Source: NATS, "Subject-Based Messaging": * is one token, > is one or more at the end."""
    expression = re.escape(pattern).replace(r"\*", "[^.]+").replace(">", ".+")

    assert matches(pattern, subject) == bool(re.fullmatch(expression, subject))


@given(SUBJECTS)
def test_what_can_be_published_to_can_be_subscribed_to(subject):
    check_subject(subject)
    check_pattern(subject)

    assert matches(subject, subject)


@given(st.text(max_size=20))
def test_any_text_is_a_subject_or_refused_with_a_reason(text):
    wanted = re.fullmatch(r"[!-)+-\-/-=?-~]+(\.[!-)+-\-/-=?-~]+)*", text)

    with nullcontext() if wanted else pytest.raises(BadSubject, match=r".{20}"):
        check_subject(text)


@given(st.lists(PATTERNS, max_size=8), st.lists(SUBJECTS, max_size=8), st.data())
def test_routes_find_what_matches_however_they_change(patterns, subjects, data):
    """What was found is remembered, and must not outlive a change."""
    routes, known = Routes(), []
    for number, pattern in enumerate(patterns):
        routes.add(pattern, number)
        known.append((pattern, number))
        for subject in subjects:
            found = routes.found.get(subject) or routes.find(subject)
            assert found == tuple(n for p, n in known if matches(p, subject))
        if known and data.draw(st.booleans()):
            pattern, number = known.pop(data.draw(st.integers(0, len(known) - 1)))
            routes.remove(number)
    for subject in subjects:
        assert (routes.found.get(subject) or routes.find(subject)) == tuple(
            n for p, n in known if matches(p, subject)
        )


def test_subjects_that_never_come_again_are_forgotten():
    """Else a publisher could fill the memory with names."""
    routes = Routes()
    routes.add(">", 1)

    for number in range(25_000):
        routes.find(f"reply.{number}")

    assert len(routes.found) <= 10_000


@pytest.mark.parametrize("pattern", ["a.>.b", "a.*b", ">.a", "a.>b"])
def test_a_wildcard_is_a_whole_token_and_the_longest_the_last(pattern):
    with pytest.raises(BadSubject):
        check_pattern(pattern)
