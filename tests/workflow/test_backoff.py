"""How long to wait before the next attempt."""

from random import Random
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.workflow.backoff import delay_seconds
from messenger.workflow.template import Retry

ATTEMPTS = st.integers(2, 1000)
SECONDS = st.floats(min_value=1e-6, max_value=31_536_000)
JITTERS = st.sampled_from(["none", "full", "equal"])


def delay(attempt, base=1.0, cap=60.0, jitter="none", seed=0):
    return delay_seconds(attempt, base_seconds=base, cap_seconds=cap, jitter=jitter, chance=Random(seed))


@given(ATTEMPTS, SECONDS, SECONDS, JITTERS, st.integers())
def test_a_delay_is_between_nothing_and_its_cap(attempt, base, cap, jitter, seed):
    """However many attempts: doubling a thousand times must neither overflow nor wait for a century."""
    assert 0 <= delay(attempt, base, cap, jitter, seed) <= cap


@given(ATTEMPTS, SECONDS, SECONDS, st.integers())
def test_equal_jitter_waits_at_least_half(attempt, base, cap, seed):
    """That is what it is chosen for."""
    assert delay(attempt, base, cap, "equal", seed) >= delay(attempt, base, cap) / 2


@given(ATTEMPTS, SECONDS, SECONDS)
def test_without_jitter_a_delay_never_shrinks(attempt, base, cap):
    """Each attempt waits at least as long as the one before."""
    assert delay(attempt, base, cap) <= delay(attempt + 1, base, cap)


@given(ATTEMPTS, SECONDS, SECONDS, JITTERS, st.integers())
def test_the_same_chance_gives_the_same_delay(attempt, base, cap, jitter, seed):
    """A failure seen once can be replayed."""
    assert delay(attempt, base, cap, jitter, seed) == delay(attempt, base, cap, jitter, seed)


@pytest.mark.parametrize(("jitter", "share"), [("none", 1), ("full", 1 / 2), ("equal", 3 / 4)])
def test_the_mean_is_what_the_source_says(jitter, share):
    """Brooker (2015): half of the longest with full jitter, three quarters with equal jitter."""
    chance = Random(7)
    delays = [
        delay_seconds(4, base_seconds=1, cap_seconds=60, jitter=jitter, chance=chance) for _ in range(20_000)
    ]

    assert mean(delays) == pytest.approx(4 * share, rel=0.02)


def test_a_retry_delays_by_what_it_says():
    """The worker asks the step."""
    retry = Retry(base_seconds=2, cap_seconds=5, jitter="none")

    assert [retry.delay_seconds(attempt, Random()) for attempt in (1, 2, 3, 4)] == [0, 2, 4, 5]


def test_a_first_attempt_waits_for_nothing():
    assert delay(1, jitter="full") == 0


def test_an_attempt_before_the_first_is_our_callers_bug():
    with pytest.raises(ValueError, match="attempt is 0"):
        delay(0)
