"""Which camera rests after an expensive picture."""

import pytest

from consumer.shares import EXPENSIVE, EXPENSIVE_S, REMEMBERED_S, RESTS, Shares
from tests.consumer.clock import Clock


@pytest.fixture
def shares(clock: Clock) -> Shares:
    return Shares(clock)


def test_a_camera_that_is_alone_never_rests(shares: Shares, clock: Clock) -> None:
    """However long its pictures take."""
    shares.took("a", 5.0)

    assert shares.ready_at("a") < clock.now
    assert shares.ready_at("unknown") < clock.now


def test_an_expensive_camera_rests_three_times_as_long_as_it_took(shares: Shares, clock: Clock) -> None:
    """So it gets a quarter of the time; the other camera does not rest."""
    shares.took("cheap", 0.01)
    shares.took("expensive", 1.0)

    assert shares.ready_at("expensive") == clock.now + RESTS
    assert shares.ready_at("cheap") < clock.now


def test_cameras_of_similar_cost_do_not_rest(shares: Shares, clock: Clock) -> None:
    """Two large cameras share the time by turns."""
    shares.took("a", 0.2)
    shares.took("b", 0.2 * EXPENSIVE)

    assert shares.ready_at("b") < clock.now


def test_an_ordinary_picture_is_never_expensive(shares: Shares, clock: Clock) -> None:
    """A 4K camera beside one on whose pictures nothing is drawn."""
    shares.took("a", 0.0)
    shares.took("b", EXPENSIVE_S)

    assert shares.ready_at("b") < clock.now


def test_a_camera_that_has_gone_is_forgotten(shares: Shares, clock: Clock) -> None:
    """The expensive one is alone then."""
    shares.took("cheap", 0.01)
    clock.now += REMEMBERED_S + 1
    shares.took("expensive", 1.0)

    assert shares.ready_at("expensive") < clock.now


def test_a_rest_may_have_a_limit(clock: Clock) -> None:
    """A model that took long once does not leave a camera without labels for long."""
    shares = Shares(clock, longest_rest_s=1.0)
    shares.took("cheap", 0.01)
    shares.took("expensive", 5.0)

    assert shares.ready_at("expensive") == clock.now + 1.0


def test_memory_is_bounded(shares: Shares) -> None:
    """Anyone may write any camera to the bus."""
    for number in range(5000):
        shares.took(f"camera-{number}", 0.01)

    assert len(shares._last) <= 1000
