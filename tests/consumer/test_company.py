"""Which cameras share a request."""

import pytest

from consumer.company import SEARCH_EVERY_S, Company
from consumer.shares import EXPENSIVE_S
from tests.consumer.clock import Clock


@pytest.fixture
def company(clock: Clock) -> Company:
    return Company(clock)


def test_cameras_whose_requests_are_quick_share_them(company: Company) -> None:
    """Also if a batch takes longer than a single frame: it holds more."""
    company.took(["a"], 0.1)
    company.took(["a", "b", "c", "d"], 0.4)

    assert not any(company.alone(camera) for camera in "abcd")


def test_the_cameras_of_a_slow_request_are_asked_about_alone_once(company: Company) -> None:
    """That shows which of them it was; the others are together again."""
    company.took(["a", "b", "c"], 0.03)
    company.took(["a", "b", "bad"], 0.9)
    assert all(company.alone(camera) for camera in ("a", "b", "bad"))

    company.took(["a"], 0.01)
    company.took(["b"], 0.01)
    company.took(["bad"], 0.85)

    assert [company.alone(camera) for camera in ("a", "b", "bad")] == [False, False, True]


def test_an_expensive_camera_rests_after_each_answer(company: Company, clock: Clock) -> None:
    """It gets a quarter of the time at most."""
    company.took(["a"], 0.01)
    company.took(["bad"], 2 * EXPENSIVE_S)

    assert company.ready_at("a") <= clock.now
    assert company.ready_at("bad") > clock.now


def test_a_model_that_becomes_slow_for_everybody_is_asked_in_batches_again(company: Company) -> None:
    """Nobody is to blame; the model's usual time is another one now."""
    company.took(["a", "b"], 0.02)
    company.took(["a", "b"], 0.8)
    company.took(["a"], 0.4)
    company.took(["b"], 0.4)

    company.took(["a", "b"], 0.8)

    assert not company.alone("a")
    assert not company.alone("b")


def test_a_search_that_finds_nobody_is_not_repeated_at_once(company: Company, clock: Clock) -> None:
    """A machine that is busy slows some requests; asking one by one each time would cost more than it finds."""
    company.took(["a", "b"], 0.1)
    company.took(["a", "b"], 0.9)
    for camera in ("a", "b"):
        company.took([camera], 0.05)
    company.took(["a", "b"], 0.9)
    assert not company.alone("a")

    clock.now += SEARCH_EVERY_S
    company.took(["a", "b"], 0.1)
    company.took(["a", "b"], 0.9)
    assert company.alone("a")
