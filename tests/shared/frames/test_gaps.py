import pytest

from shared.frames.gaps import LARGEST_GAP, LARGEST_NOTE, MOST_LATE, Gap, Gaps
from shared.reports import MAX_NUMBER
from tests.conftest import Recovery
from tests.shared.samples import frame

NONE = Gap()


def test_frames_that_follow_each_other_have_no_gap() -> None:
    """The first frame of a camera starts the count, whatever its number."""
    gaps = Gaps()

    assert [gaps.before(frame(seq), 0) for seq in (100, 101, 102)] == [NONE] * 3


def test_numbers_that_are_missing_were_lost() -> None:
    """A gap that we did not make is a loss upstream, counted once."""
    gaps = Gaps()
    gaps.before(frame(1), 0)

    assert gaps.before(frame(5), 0) == Gap(lost=3)
    assert gaps.before(frame(6), 0) == NONE


def test_what_our_own_seek_left_out_was_skipped() -> None:
    """A gap after a seek is ours, up to what the seek left out; the rest was lost."""
    gaps = Gaps()
    gaps.before(frame(1), 0)

    gaps.left_out(0, 10)

    assert gaps.before(frame(15), 0) == Gap(skipped=10, lost=3)
    assert gaps.before(frame(17), 0) == Gap(lost=1)


def test_several_seeks_before_the_next_frame_add_up() -> None:
    """The camera may have been silent in between."""
    gaps = Gaps()
    gaps.before(frame(1), 0)

    gaps.left_out(0, 10)
    gaps.left_out(0, 5)

    assert gaps.before(frame(17), 0) == Gap(skipped=15)


def test_a_loss_before_a_seek_stays_a_loss() -> None:
    """What was read before the seek is told of before it, and the seek is remembered for the next frame."""
    gaps = Gaps()
    gaps.before(frame(1), 0)

    assert gaps.before(frame(3), 0) == Gap(lost=1)
    gaps.left_out(0, 4)
    assert gaps.before(frame(8), 0) == Gap(skipped=4)


def test_cameras_on_one_partition_share_what_a_seek_left_out() -> None:
    """Each camera's gap takes its part; together they take no more than was left out."""
    gaps = Gaps()
    for camera in ("a", "b", "c"):
        gaps.before(frame(1, camera=camera), 0)

    gaps.left_out(0, 10)

    assert gaps.before(frame(6, camera="a"), 0) == Gap(skipped=4)
    assert gaps.before(frame(5, camera="b"), 0) == Gap(skipped=3)
    assert gaps.before(frame(7, camera="c"), 0) == Gap(skipped=3, lost=2)


def test_a_seek_on_another_partition_is_no_excuse() -> None:
    """Partitions are followed apart."""
    gaps = Gaps()
    gaps.before(frame(1, camera="a"), 0)
    gaps.before(frame(1, camera="b"), 1)

    gaps.left_out(1, 10)

    assert gaps.before(frame(4, camera="a"), 0) == Gap(lost=2)
    assert gaps.before(frame(4, camera="b"), 1) == Gap(skipped=2)


def test_a_new_run_of_the_producer_starts_again() -> None:
    """Numbers of two runs say nothing about each other."""
    gaps = Gaps()
    gaps.before(frame(100, run=1), 0)

    assert gaps.before(frame(7, run=2), 0) == NONE
    assert gaps.before(frame(9, run=2), 0) == Gap(lost=1)


def test_runs_that_take_turns_are_followed_apart() -> None:
    """Two producers of one camera, or two consumers that hand it to and fro."""
    gaps = Gaps()
    for number in range(1, 4):
        assert gaps.before(frame(number, run=1), 0) == NONE
        assert gaps.before(frame(10 * number, run=2), 0) == Gap(lost=9 if number > 1 else 0)


def test_what_was_left_out_of_a_run_that_is_new_was_skipped() -> None:
    """Of a camera or producer that started while no reader was there: its first numbers are among those left out."""
    gaps = Gaps()
    gaps.before(frame(100, run=1, camera="a"), 0)

    gaps.left_out(0, 20)

    assert gaps.before(frame(9, run=2, camera="a"), 0) == Gap(skipped=8)
    assert gaps.before(frame(5, run=2, camera="b"), 0) == Gap(skipped=4)
    assert gaps.before(frame(900, run=2, camera="c"), 0) == Gap(skipped=8)


def test_a_partition_that_comes_back_goes_on_from_what_is_remembered() -> None:
    """No other reader had it in between."""
    gaps = Gaps()
    gaps.before(frame(1), 0)

    gaps.assigned(0, None)
    gaps.left_out(0, 8)

    assert gaps.before(frame(12), 0) == Gap(skipped=8, lost=2)


def test_a_note_says_where_another_reader_ended() -> None:
    """Cameras of the partition go on from its numbers, whatever is remembered; other partitions go on as before."""
    before, after = Gaps(), Gaps()
    for number in (40, 41):
        before.before(frame(number, camera="a"), 0)
        before.before(frame(number, camera="b"), 1)
    after.before(frame(1, camera="a"), 0)
    after.before(frame(1, camera="gone"), 0)
    after.before(frame(1, camera="c"), 2)

    after.assigned(0, before.note(0))
    after.left_out(0, 5)

    assert after.before(frame(50, camera="a"), 0) == Gap(skipped=5, lost=3)
    assert after.before(frame(50, camera="gone"), 0) == NONE
    assert after.before(frame(3, camera="c"), 2) == Gap(lost=1)


@pytest.mark.parametrize("note", ["", "{", "[]", "null", '{"a": 1}', '{"a": ["x", 1]}', '{"a": [1, 2, 3]}'])
def test_a_note_that_is_none_says_nothing(note: str) -> None:
    """Somebody set the group's offsets by hand, or it is an older version's."""
    gaps = Gaps()
    gaps.before(frame(1), 0)

    gaps.assigned(0, note)

    assert gaps.before(frame(50), 0) == NONE


def test_a_note_of_many_cameras_fits_into_a_commit() -> None:
    """Those heard of last are in it."""
    gaps, after = Gaps(), Gaps()
    for number in range(200):
        gaps.before(frame(7, camera=f"camera-with-a-rather-long-name-{number}"), 0)
    gaps.before(frame(8, camera="camera-with-a-rather-long-name-0"), 0)

    note = gaps.note(0)
    after.assigned(0, note)

    assert 3000 < len(note) <= LARGEST_NOTE
    assert after.before(frame(11, camera="camera-with-a-rather-long-name-0"), 0) == Gap(lost=2)
    assert after.before(frame(11, camera="camera-with-a-rather-long-name-199"), 0) == Gap(lost=3)
    assert after.before(frame(11, camera="camera-with-a-rather-long-name-1"), 0) == NONE


def test_frames_that_come_late_or_twice_are_in_the_books_already() -> None:
    """The gap that a late one left was counted when the newer one came; the next follows the newest."""
    gaps = Gaps()
    gaps.before(frame(5), 0)

    assert gaps.before(frame(5), 0) is None
    assert gaps.before(frame(8), 0) == Gap(lost=2)
    assert gaps.before(frame(6), 0) is None
    assert gaps.before(frame(9), 0) == NONE


def test_numbers_that_fall_far_back_begin_again() -> None:
    """One mistaken record does not make all that follow late."""
    gaps = Gaps()
    gaps.before(frame(5), 0)
    assert gaps.before(frame(10_000_000), 0) == Gap(renumbered=True)

    assert gaps.before(frame(6), 0) == Gap(renumbered=True)
    assert gaps.before(frame(7), 0) == NONE


def test_a_gap_that_is_too_large_is_no_loss() -> None:
    """A number out of thin air does not become billions of lost frames."""
    gaps = Gaps()
    gaps.before(frame(1), 0)

    assert gaps.before(frame(2 + LARGEST_GAP), 0) == Gap(lost=LARGEST_GAP)
    assert gaps.before(frame(MAX_NUMBER), 0) == Gap(renumbered=True)


def test_a_gap_that_is_too_large_may_have_been_left_out_here() -> None:
    gaps = Gaps()
    gaps.before(frame(1), 0)
    gaps.left_out(0, 3 * LARGEST_GAP)

    assert gaps.before(frame(2 + 2 * LARGEST_GAP), 0) == Gap(skipped=2 * LARGEST_GAP)


@pytest.mark.fault(
    "a record that forges the number of a camera's frame",
    expects="a few frames count as late; then the numbers begin again, and that is counted",
)
def test_a_forged_number_makes_only_a_few_frames_late(recovery: Recovery) -> None:
    """After a row of late frames that is too long, the numbers begin again."""
    gaps = Gaps()
    gaps.before(frame(1), 0)
    assert gaps.before(frame(1000), 0) == Gap(lost=998)

    seen = [gaps.before(frame(number), 0) for number in range(2, 2 + MOST_LATE + 3)]

    assert seen == [None] * MOST_LATE + [Gap(renumbered=True), NONE, NONE]
    recovery.seen(f"{MOST_LATE} frames late, then renumbered once", seconds=None)


def test_what_is_forgotten_starts_the_count() -> None:
    gaps = Gaps()
    gaps.before(frame(1), 0)
    gaps.forget("front")

    assert gaps.before(frame(50), 0) == NONE


def test_what_the_consumer_left_out_is_not_lost_between_it_and_video() -> None:
    """Frames that carry the consumer's own numbers are counted by these."""
    gaps = Gaps()
    gaps.before(frame(1, imprinted_at=1, numbering=(9, 1)), 0)

    assert gaps.before(frame(5, imprinted_at=1, numbering=(9, 2)), 0) == NONE
    assert gaps.before(frame(6, imprinted_at=1, numbering=(9, 4)), 0) == Gap(lost=1)


def test_when_another_consumer_takes_over_its_numbers_count() -> None:
    """What lay between the two was never sent to us: the one before says what it dropped."""
    gaps = Gaps()
    gaps.before(frame(10, imprinted_at=1, numbering=(9, 10)), 0)

    assert gaps.before(frame(60, imprinted_at=1, numbering=(12, 1)), 0) == NONE
    assert gaps.before(frame(62, imprinted_at=1, numbering=(12, 3)), 0) == Gap(lost=1)
    assert gaps.before(frame(63, imprinted_at=1, numbering=(9, 11)), 0) == NONE


def test_frames_without_numbers_take_all_that_was_left_out() -> None:
    """A record of the original says nothing of its number: the seek's own count is all there is."""
    gaps = Gaps()
    assert gaps.before_unnumbered(0) == NONE

    gaps.left_out(0, 12)

    assert gaps.before_unnumbered(1) == NONE
    assert gaps.before_unnumbered(0) == Gap(skipped=12)
    assert gaps.before_unnumbered(0) == NONE
