"""How long a model is waited for."""

import pytest

from consumer.adaptive_timeout import FADES_BY, SHORTEST_S, TIMES_SLOWEST, WHOLE_EVERY_S, AdaptiveTimeout
from consumer.predictor import REST_CAP_S


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def patience(clock: Clock) -> AdaptiveTimeout:
    return AdaptiveTimeout(5.0, clock)


def test_a_model_that_is_well_gets_all_the_time(patience: AdaptiveTimeout) -> None:
    """However quick it was before."""
    patience.answered(0.04)

    assert patience.limit_s(down=False) == 5.0


def test_a_model_that_is_down_gets_little_more_than_it_ever_took(patience: AdaptiveTimeout) -> None:
    """So that its return shows soon, though a request may hang."""
    for took_s in (0.04, 0.9, 0.04):
        patience.answered(took_s)
    patience.limit_s(down=False)

    assert patience.limit_s(down=True) == pytest.approx(TIMES_SLOWEST * 0.9 * FADES_BY)


def test_the_return_of_a_quick_model_shows_within_two_seconds(patience: AdaptiveTimeout) -> None:
    """A request that hangs when it comes back, and the longest rest after it."""
    patience.answered(0.04)
    patience.limit_s(down=False)

    assert patience.limit_s(down=True) == SHORTEST_S
    assert SHORTEST_S + REST_CAP_S < 2


def test_a_model_of_which_nothing_is_known_gets_all_the_time(patience: AdaptiveTimeout) -> None:
    """The first answer of a large model may take long."""
    assert patience.limit_s(down=True) == 5.0


def test_a_model_that_came_back_slower_is_found(patience: AdaptiveTimeout, clock: Clock) -> None:
    """Once in a while it gets all the time; if that helped, the time it takes is known from then on."""
    patience.answered(0.04)
    patience.limit_s(down=False)
    clock.now += WHOLE_EVERY_S

    assert patience.limit_s(down=True) == 5.0
    assert patience.limit_s(down=True) == SHORTEST_S
    patience.answered(3.0)
    assert patience.limit_s(down=True) == 5.0


def test_one_slow_answer_is_forgotten(patience: AdaptiveTimeout) -> None:
    """After some hundred quick ones."""
    patience.answered(4.0)
    for _ in range(300):
        patience.answered(0.04)
    patience.limit_s(down=False)

    assert patience.limit_s(down=True) == SHORTEST_S


def test_no_patience_is_longer_than_allowed() -> None:
    """MODELTIMEOUT may be less than the shortest of ours."""
    patience = AdaptiveTimeout(0.2)
    patience.answered(0.01)
    patience.limit_s(down=False)

    assert patience.limit_s(down=True) == 0.2
