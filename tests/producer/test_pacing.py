from collections.abc import Iterable

import pytest

from producer.pacing import Playback, Thinner


def kept(thinner: Thinner, times: Iterable[float]) -> int:
    return sum(thinner.keeps(at) for at in times)


def test_thinning_is_a_schedule_and_not_a_gap() -> None:
    """Of 25 frames a second 42 ms keep 23.8."""
    assert kept(Thinner(0.042), [number * 0.04 for number in range(2500)]) == pytest.approx(2381, abs=1)


def test_a_camera_slower_than_the_interval_keeps_every_frame() -> None:
    """At 20 frames a second none is thinned."""
    assert kept(Thinner(0.042), [number * 0.05 for number in range(1000)]) == 1000


def test_no_interval_keeps_every_frame() -> None:
    """An interval of 0 keeps even frames of the same moment."""
    assert kept(Thinner(0.0), [0.0, 0.0, 0.001]) == 3


def test_jitter_does_not_change_the_mean() -> None:
    """Frames that come early and late by turns are kept at the same mean rate, short of the first few."""
    times = [number * 0.04 + (0.015 if number % 2 else 0.0) for number in range(2500)]

    assert kept(Thinner(0.042), times) == pytest.approx(2381, abs=3)


def test_a_pause_is_not_made_up_for() -> None:
    """After a pause the camera's frames are kept at the usual rate, but for two that are owed."""
    thinner = Thinner(0.1)
    kept(thinner, [0.0, 0.1, 0.2])

    assert kept(thinner, [60 + number * 0.01 for number in range(100)]) == 12


class Time:
    """A clock that only sleep moves on."""

    def __init__(self) -> None:
        self.now = 100.0
        self.ticks = 0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def tick(self) -> None:
        self.ticks += 1


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def playback(time: Time) -> Playback:
    return Playback(time.tick, clock=lambda: time.now, sleep=time.sleep)


def test_pictures_are_due_on_a_schedule(time: Time, playback: Playback) -> None:
    """What decoding takes does not move the schedule."""
    for number in range(1000):
        playback.wait_for(number * 0.04)

        assert time.now == pytest.approx(100 + number * 0.04)
        time.sleep(0.01)


def test_a_late_file_does_not_burst(time: Time, playback: Playback) -> None:
    """After a stall the schedule starts anew with the picture at hand."""
    playback.wait_for(0.0)
    time.sleep(10)

    playback.wait_for(0.04)
    playback.wait_for(0.08)

    assert time.now == pytest.approx(110.04)


def test_a_long_wait_shows_that_it_lives(time: Time, playback: Playback) -> None:
    """While the next picture is a minute away there is a tick a second."""
    playback.wait_for(0.0)
    playback.wait_for(60.0)

    assert time.ticks >= 60
