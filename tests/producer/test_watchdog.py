import pytest

from producer.watchdog import FIRST_PICTURE_S, SILENT_S, STEADY_S, Watchdog
from shared.errors import CameraFrozen, CameraLost


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_camera_has_time_for_its_first_picture(clock: Clock) -> None:
    """There is no complaint before the limit, and then the camera is lost."""
    watch = Watchdog(clock)
    clock.now += FIRST_PICTURE_S - 0.1
    watch.check()
    clock.now += 0.2

    with pytest.raises(CameraLost, match="no picture within"):
        watch.check()


def test_silence_after_pictures_is_a_freeze(clock: Clock) -> None:
    """Pictures put the limit off; when they stop, the camera is frozen."""
    watch = Watchdog(clock)
    for _ in range(10):
        clock.now += SILENT_S - 0.1
        watch.saw_picture()
        watch.check()
    clock.now += SILENT_S + 0.1

    with pytest.raises(CameraFrozen):
        watch.check()


def test_garbage_is_no_picture(clock: Clock) -> None:
    """A camera that sends only garbage is lost, and the reason says so."""
    watch = Watchdog(clock)
    watch.saw_picture()
    for _ in range(10):
        clock.now += 0.5
        watch.saw_undecodable()

    with pytest.raises(CameraLost, match="is no picture"):
        watch.check()


def test_only_a_while_of_pictures_is_steady(clock: Clock) -> None:
    """A camera that fails right after its first picture has not recovered."""
    watch = Watchdog(clock)
    watch.saw_picture()
    before = watch.steady()
    clock.now += STEADY_S + 0.1

    assert not before
    assert watch.steady()
