import asyncio

import pytest

from tests.video.stage import frame
from video.pace import Pace
from video.slot import DisplayedPicture, Slot
from video.watch import Watch


@pytest.fixture
def slot() -> Slot:
    return Slot()


def next_of(watch: Watch) -> DisplayedPicture:
    """Return the next picture, which there has to be."""
    picture = watch.look()
    assert picture is not None
    return picture


def seq_of(picture: DisplayedPicture) -> int:
    assert picture.frame is not None
    return picture.frame.seq


def put(slot: Slot, *numbers: int) -> None:
    for number in numbers:
        slot.put(frame("front", number), clock_suspect=False)


def test_a_slow_viewer_gets_the_newest_frame_and_the_others_are_counted(slot: Slot) -> None:
    """It gets fewer frames, never older ones."""
    put(slot, 1)
    watch = Watch(slot, asyncio.Event())
    assert watch.take(next_of(watch)) == 0

    put(slot, 2, 3, 4)
    picture = next_of(watch)

    assert seq_of(picture) == 4
    assert watch.take(picture) == 2
    assert watch.look() is None


def test_frames_that_a_viewer_did_not_want_are_not_missed(slot: Slot) -> None:
    """A viewer that asked for fewer frames is not slow."""
    put(slot, 1)
    watch = Watch(slot, asyncio.Event())
    watch.take(next_of(watch))

    put(slot, 2, 3, 4, 5)

    assert watch.take(next_of(watch), unwanted=2) == 1


def test_a_repeated_frame_is_not_a_new_one(slot: Slot) -> None:
    """A frame that is shown again is not counted again."""
    put(slot, 1)
    watch = Watch(slot, asyncio.Event())
    watch.take(next_of(watch))

    slot.repeat()

    assert seq_of(next_of(watch)) == 1
    assert watch.take(next_of(watch)) is None


def test_a_frame_first_seen_when_it_is_repeated_counts_as_sent(slot: Slot) -> None:
    """A viewer that was busy while the last frame came has not seen it yet."""
    put(slot, 1)
    watch = Watch(slot, asyncio.Event())
    watch.take(next_of(watch))

    put(slot, 2, 3)
    slot.repeat()

    assert watch.take(next_of(watch)) == 1


def test_a_viewer_that_comes_sees_the_newest_frame_at_once(slot: Slot) -> None:
    """It need not wait for the next one."""
    put(slot, 1, 2)

    watch = Watch(slot, asyncio.Event())

    assert seq_of(next_of(watch)) == 2
    assert watch.take(next_of(watch)) == 0


def test_what_nobody_watched_for_a_while_is_not_shown_as_if_it_were_live(slot: Slot) -> None:
    """The next tick shows an old picture with a notice on it."""
    put(slot, 1)
    slot.shown_at -= 60

    watch = Watch(slot, asyncio.Event())

    assert watch.look() is None
    slot.repeat()
    assert watch.take(next_of(watch)) == 0


def test_watching_wakes_and_leaving_ends_it(slot: Slot) -> None:
    """A slot knows how many viewers follow it."""
    event = asyncio.Event()
    with Watch(slot, event):
        assert slot.viewers == 1
        put(slot, 1)
        assert event.is_set()

    assert slot.viewers == 0


def test_pace_keeps_the_mean_of_an_irregular_source() -> None:
    """Pace keeps a schedule, not a gap: 25 frames a second thinned to 20 give 20, not 12.5."""
    pace, sent, now = Pace(0.01, 20), 0, 0.0
    for number in range(250):
        arrived = number * 0.04
        now = max(now, arrived)
        if pace.wait_s(now) < 0.04:
            now += pace.wait_s(now)
            pace.sent(now)
            sent += 1

    assert sent == pytest.approx(200, abs=3)


def test_pace_never_sends_two_frames_closer_than_the_interval() -> None:
    """FRAMEINTERVAL is the shortest time between two frames of one viewer."""
    pace = Pace(0.01, None)

    assert pace.wait_s(5.0) == 0
    pace.sent(5.0)
    assert pace.wait_s(5.004) == pytest.approx(0.006)
    assert pace.wait_s(5.010) == pytest.approx(0)
