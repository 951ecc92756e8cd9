import pytest

from producer.rhythm import FIRST_PICTURE_S, LEAST_S, LONGEST_SECOND_PICTURE_S, SECOND_PICTURE_S, TOLERANCE, Rhythm
from producer.watchdog import ALLOWANCE_S, STEADY_S, Watchdog
from shared.errors import CameraFrozen, CameraLost

SILENT_S = LEAST_S + ALLOWANCE_S


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def watchdog(clock: Clock, rhythm: Rhythm | None = None, *, gaps_s: tuple[float, ...] = (0.04,)) -> Watchdog:
    """Return a watchdog of a camera that has sent pictures with these gaps."""
    watchdog = Watchdog(rhythm or Rhythm(), clock)
    watchdog.saw_picture()
    for gap_s in gaps_s:
        clock.now += gap_s
        watchdog.saw_picture()
    return watchdog


def test_a_camera_has_time_for_its_first_picture(clock: Clock) -> None:
    """There is no complaint before the limit; then the camera is lost."""
    watchdog = Watchdog(Rhythm(), clock)
    clock.now += FIRST_PICTURE_S + ALLOWANCE_S - 0.1
    watchdog.check()
    clock.now += 0.2

    with pytest.raises(CameraLost, match="no picture within"):
        watchdog.check()


def test_silence_after_pictures_is_a_freeze(clock: Clock) -> None:
    """A camera with a fast rhythm is frozen after three seconds, and the allowance."""
    watched = watchdog(clock)
    clock.now += SILENT_S - 0.1
    watched.check()
    clock.now += 0.2

    with pytest.raises(CameraFrozen, match="silent for 4 s"):
        watched.check()


@pytest.mark.parametrize("gap_s", [2.5, 10.0, 60.0])
def test_silence_is_measured_by_the_camera_s_own_rhythm(clock: Clock, gap_s: float) -> None:
    """A camera with a picture every few seconds or minutes is not frozen between two of them."""
    watched = watchdog(clock, gaps_s=(gap_s,) * 3)
    clock.now += TOLERANCE * gap_s
    watched.check()
    clock.now += ALLOWANCE_S + 0.1

    with pytest.raises(CameraFrozen):
        watched.check()


def test_the_second_picture_has_time(clock: Clock) -> None:
    """As long as there has been one picture only, the rhythm is not known."""
    watched = watchdog(clock, gaps_s=())
    clock.now += SECOND_PICTURE_S

    watched.check()


def test_a_camera_that_freezes_after_its_first_picture_is_noticed(clock: Clock) -> None:
    """At the first attempt an unknown rhythm does not hide a freeze for minutes."""
    watched = watchdog(clock, gaps_s=())
    clock.now += SECOND_PICTURE_S + ALLOWANCE_S + 0.1

    with pytest.raises(CameraFrozen):
        watched.check()


def test_a_cautious_watchdog_wants_ten_gaps(clock: Clock) -> None:
    """After a freeze soon after connecting, two pictures in a burst are not taken for the rhythm."""
    watched = watchdog(clock, Rhythm(cautious=True, second_s=LONGEST_SECOND_PICTURE_S), gaps_s=(0.01, 0.01))
    clock.now += 60.0
    watched.check()
    for _ in range(10):
        watched.saw_picture()
        clock.now += 0.04
    clock.now += 3 * 60.0 + SILENT_S

    with pytest.raises(CameraFrozen):
        watched.check()


def test_a_configured_timeout_replaces_the_rhythm(clock: Clock) -> None:
    """CAMERATIMEOUT is the longest silence, whatever the rhythm is."""
    watched = watchdog(clock, Rhythm(fixed_s=1.5), gaps_s=(10.0,))
    clock.now += 1.5 + ALLOWANCE_S + 0.1

    with pytest.raises(CameraFrozen):
        watched.check()


def test_no_picture_due_is_no_gap(clock: Clock) -> None:
    """Signs of life while no picture is due keep the camera up and leave its rhythm alone."""
    watched = watchdog(clock, gaps_s=(5.0,))
    for _ in range(60):
        clock.now += 1.0
        watched.saw_none_due()
        watched.check()
    clock.now += 15.0

    watched.check()


def test_pictures_without_their_masks_are_no_pictures(clock: Clock) -> None:
    """A camera whose masks cannot be painted is lost, and the reason says so until a picture has them."""
    watched = watchdog(clock)
    clock.now += SILENT_S - 0.1
    watched.saw_unmasked()
    clock.now += 0.2
    with pytest.raises(CameraLost, match="masks could not be painted; nothing is published"):
        watched.check()
    watched.saw_picture()
    watched.check()


def test_undecodable_bytes_are_no_picture(clock: Clock) -> None:
    """A camera that sends only undecodable bytes is lost, and the reason says so."""
    watched = watchdog(clock)
    for _ in range(10):
        clock.now += 0.5
        watched.saw_undecodable()

    with pytest.raises(CameraLost, match="but no picture"):
        watched.check()


def test_only_a_while_of_pictures_is_steady(clock: Clock) -> None:
    """A camera that fails right after its first picture has not recovered."""
    watched = watchdog(clock)
    before = watched.steady()
    clock.now += STEADY_S + 0.1

    assert not before
    assert watched.steady()
