"""Whether a server that refuses pictures is at fault, or the pictures are."""

import pytest

from consumer.bad_pictures import STRIKES, WITNESS_S, BadPictures
from tests.consumer.clock import Clock


@pytest.fixture
def bad(clock: Clock) -> BadPictures:
    return BadPictures(clock)


def test_three_refusals_in_a_row_are_the_model_s_fault(bad: BadPictures) -> None:
    """Of one camera, or of several while nobody's pictures are answered."""
    assert [bad.refused("a") for _ in range(STRIKES)] == [False, False, True]
    never = BadPictures()
    assert [never.refused(camera) for camera in "abc"] == [False, False, True]


def test_an_answer_in_between_clears_the_model(bad: BadPictures) -> None:
    """Only refusals in a row count."""
    for _ in range(5):
        assert not bad.refused("a")
        assert not bad.refused("a")
        bad.answered(["a"])


def test_bad_cameras_do_not_count_again_while_others_are_answered(bad: BadPictures) -> None:
    """Otherwise three bad cameras would make a model that works for five others look down."""
    bad.answered(["good"])
    assert [bad.refused(camera) for camera in ("x", "y", "z")] == [False, False, False]
    bad.answered(["good"])

    for _ in range(20):
        assert not any(bad.refused(camera) for camera in ("x", "y", "z"))
    assert [bad.refused("good") for _ in range(STRIKES)] == [False, False, True]


def test_without_an_answer_for_a_while_every_refusal_counts(bad: BadPictures, clock: Clock) -> None:
    """The camera whose pictures were answered may be gone."""
    bad.answered(["good"])
    bad.refused("x")
    bad.answered(["good"])
    clock.now += WITNESS_S + 1

    assert [bad.refused("x") for _ in range(STRIKES)] == [False, False, True]
