"""Frames of a capture that another producer has replaced."""

from shared.frames.runs import FORGOTTEN_AFTER_S, Runs


def test_a_newer_run_replaces_an_older_one() -> None:
    """Also while both are written, and only for the same camera."""
    runs = Runs()

    assert [runs.is_replaced("front", run, 0.0) for run in (5, 5, 7, 5, 7, 6, 8)] == [
        *(False, False, False, True, False, True, False)
    ]
    assert not runs.is_replaced("yard", 1, 0.0)


def test_a_run_that_is_silent_replaces_nothing() -> None:
    """A number that somebody invented, or a clock that was set back, costs a few seconds."""
    runs = Runs()
    runs.is_replaced("front", 2**53 - 1, 0.0)

    assert runs.is_replaced("front", 5, FORGOTTEN_AFTER_S - 0.1)
    assert not runs.is_replaced("front", 5, FORGOTTEN_AFTER_S)
    assert not runs.is_replaced("front", 5, FORGOTTEN_AFTER_S + 0.1)


def test_a_forgotten_camera_begins_again() -> None:
    runs = Runs()
    runs.is_replaced("front", 7, 0.0)
    runs.forget("front")

    assert not runs.is_replaced("front", 5, 0.1)
