"""Which cameras share a request."""

import pytest

from consumer.company import Company
from consumer.shares import EXPENSIVE_S
from tests.consumer.clock import Clock


@pytest.fixture
def company(clock: Clock) -> Company:
    return Company(clock)


def test_cameras_whose_requests_are_quick_share_them(company: Company) -> None:
    """Also if a batch takes longer than a single frame: it holds more."""
    company.answered(["a"], 0.05)
    company.answered(["a", "b", "c", "d"], 0.3)

    assert not any(company.alone(camera) for camera in "abcd")


def test_the_cameras_of_a_slow_request_are_asked_about_alone_once(company: Company) -> None:
    """That shows which of them it was; the others are together again."""
    company.answered(["a", "b", "c"], 0.03)
    company.answered(["a", "b", "bad"], 0.9)
    assert all(company.alone(camera) for camera in ("a", "b", "bad"))

    company.answered(["a"], 0.01)
    company.answered(["b"], 0.01)
    company.answered(["bad"], 0.85)

    assert [company.alone(camera) for camera in ("a", "b", "bad")] == [False, False, True]


def test_an_expensive_camera_rests_after_each_answer(company: Company, clock: Clock) -> None:
    """It gets a quarter of the time at most."""
    company.answered(["a"], 0.01)
    company.answered(["bad"], 2 * EXPENSIVE_S)

    assert company.ready_at("a") <= clock.now
    assert company.ready_at("bad") > clock.now


def test_a_model_that_becomes_slow_for_everybody_is_asked_in_batches_again(company: Company) -> None:
    """Nobody is to blame; the model's usual time is another one now."""
    company.answered(["a", "b"], 0.02)
    company.answered(["a", "b"], 0.8)
    company.answered(["a"], 0.4)
    company.answered(["b"], 0.4)

    company.answered(["a", "b"], 0.8)

    assert not company.alone("a")
    assert not company.alone("b")
