"""How long the consumer waits for a model."""

import pytest

from consumer.adaptive_timeout import FADES_BY, SHORTEST_S, TIMES_SLOWEST, WHOLE_EVERY_S, AdaptiveTimeout
from consumer.model_state import REST_CAP_S
from tests.consumer.clock import Clock


@pytest.fixture
def timeout(clock: Clock) -> AdaptiveTimeout:
    return AdaptiveTimeout(5.0, clock)


def test_a_model_that_is_up_gets_the_whole_time(timeout: AdaptiveTimeout) -> None:
    """It does, however quick it was before."""
    timeout.answered(0.04)

    assert timeout.limit_s(down=False) == 5.0


def test_a_model_that_is_down_gets_little_more_than_it_ever_took(timeout: AdaptiveTimeout) -> None:
    """Its return shows soon although a request may hang."""
    for took_s in (0.04, 0.9, 0.04):
        timeout.answered(took_s)
    timeout.limit_s(down=False)

    assert timeout.limit_s(down=True) == pytest.approx(TIMES_SLOWEST * 0.9 * FADES_BY)


def test_the_return_of_a_quick_model_shows_within_two_seconds(timeout: AdaptiveTimeout) -> None:
    """This takes a request that hangs, and the longest rest after it."""
    timeout.answered(0.04)
    timeout.limit_s(down=False)

    assert timeout.limit_s(down=True) == SHORTEST_S
    assert SHORTEST_S + REST_CAP_S < 2


def test_a_model_that_never_answered_gets_the_whole_time(timeout: AdaptiveTimeout) -> None:
    """The first answer of a large model may take long."""
    assert timeout.limit_s(down=True) == 5.0


def test_a_model_that_became_slower_is_found(timeout: AdaptiveTimeout, clock: Clock) -> None:
    """Now and then it gets the whole time; if it answers, its time is known."""
    timeout.answered(0.04)
    timeout.limit_s(down=False)
    clock.now += WHOLE_EVERY_S

    assert timeout.limit_s(down=True) == 5.0
    assert timeout.limit_s(down=True) == SHORTEST_S
    timeout.answered(3.0)
    assert timeout.limit_s(down=True) == 5.0


def test_one_slow_answer_is_forgotten(timeout: AdaptiveTimeout) -> None:
    """After some hundred quick ones."""
    timeout.answered(4.0)
    for _ in range(300):
        timeout.answered(0.04)
    timeout.limit_s(down=False)

    assert timeout.limit_s(down=True) == SHORTEST_S


def test_no_timeout_is_longer_than_allowed() -> None:
    """MODELTIMEOUT may be less than the shortest adaptive one."""
    timeout = AdaptiveTimeout(0.2)
    timeout.answered(0.01)
    timeout.limit_s(down=False)

    assert timeout.limit_s(down=True) == 0.2
