import pytest

from tests.soak.books import BY_HAND, Archive, Between, Moment, Row
from tests.suite import Books

CAMERA = "street"
BUS = Between("bus", ("producer", BY_HAND), ("consumer-a", "consumer-b"))


def moment(out: int, *taken: int, lost: int = 0, noticed: int = 0) -> Moment:
    """The producer has sent and dropped so many; of what the consumers have, the first calls some lost."""
    sheets = {"producer": {CAMERA: Books(out + noticed, out, {"broker_unavailable": noticed}, 0)}}
    for name, frames in zip(BUS.after, taken, strict=True):
        mine = lost if name == "consumer-a" else 0
        sheets[name] = {CAMERA: Books(frames - mine, frames - mine, {}, mine)}
    return Moment(sheets)


class Part:
    """A part that tells its books."""

    def ledger(self) -> dict[str, Books]:
        return {CAMERA: Books(100, 100, {}, 0)}


def opened(before: Moment) -> Archive:
    archive = Archive((CAMERA,), (BUS,), dict)
    archive.open(before)
    return archive


def only(rows: list[Row]) -> Row:
    (row,) = rows
    return row


def test_frames_that_were_taken_are_explained() -> None:
    """Whichever consumer did so."""
    row = only(opened(moment(100, 60, 40)).close(moment(200, 110, 90), cut_off=False))

    assert (row.lost, row.unknown, row.broken) == (0, 0, "")


def test_a_loss_is_explained_if_the_stage_before_noticed_that_the_bus_was_silent() -> None:
    """It is in the books of the stage after; but a bus that answers loses nothing."""
    archive = opened(moment(100, 60, 40))

    assert only(archive.close(moment(200, 110, 90, lost=7, noticed=12), cut_off=False)).broken == ""
    assert "7 frames were lost" in only(archive.close(moment(200, 110, 90, lost=7), cut_off=False)).broken


def test_a_loss_of_an_earlier_fault_may_show_later() -> None:
    """Frames that a fault left in no books are called lost once their camera's sender sends again; no others are."""
    archive = opened(moment(100, 60, 38))

    assert only(archive.close(moment(200, 112, 88, lost=2), cut_off=False)).broken == ""
    assert "3 frames were lost" in only(archive.close(moment(200, 113, 87, lost=3), cut_off=False)).broken


def test_a_frame_in_no_books_is_not_explained() -> None:
    """One is enough, and so is one that was counted twice."""
    archive = opened(moment(100, 60, 40))

    assert "1 frames are in no books" in only(archive.close(moment(200, 110, 89), cut_off=False)).broken
    assert "-1 frames are in no books" in only(archive.close(moment(200, 110, 91), cut_off=False)).broken


def test_what_was_missing_before_is_not_held_against_a_fault() -> None:
    """Each fault answers for itself."""
    assert only(opened(moment(100, 50, 40)).close(moment(200, 100, 90), cut_off=False)).unknown == 0


def test_consumers_that_were_cut_off_count_what_they_had_not_committed_twice() -> None:
    """And no more than that; and they leave out no more than was on its way."""
    archive = opened(moment(100, 60, 40))

    assert only(archive.close(moment(200, 60, 165), cut_off=True)).broken == ""
    assert "-25 frames are in no books" in only(archive.close(moment(200, 60, 165), cut_off=False)).broken
    assert only(archive.close(moment(400, 60, 465), cut_off=True)).broken
    assert only(archive.close(moment(200, 60, 120), cut_off=True)).broken


@pytest.mark.parametrize(("shared", "unknown", "broken"), [(True, 9, ""), (True, 90, "90 frames"), (False, 90, "")])
def test_a_killed_part_takes_little_with_it(shared: bool, unknown: int, broken: str) -> None:
    """What it did since it told its books; and without another to take over, what was written while it was dead."""
    between = BUS if shared else Between("alone", ("producer",), ("consumer-a",))
    archive = Archive((CAMERA,), (between,), lambda: {"consumer-a": Part()})  # type: ignore[dict-item]
    archive.open(moment(100, 100, 0))

    archive.bury("consumer-a", lambda: None)

    row = only(archive.close(moment(200, 200 - unknown, 0), cut_off=False))
    assert row.unknown == unknown
    assert row.broken.startswith(broken)
    assert bool(row.broken) == bool(broken)


def test_a_killed_sender_may_have_sent_a_little_more_than_it_told() -> None:
    """The next stage has frames that nobody says were sent."""
    archive = Archive((CAMERA,), (BUS,), lambda: {"producer": Part()})  # type: ignore[dict-item]
    archive.open(moment(100, 60, 40))

    archive.bury("producer", lambda: None)

    assert not only(archive.close(moment(200, 110, 93), cut_off=False)).broken
    assert only(archive.close(moment(200, 110, 190), cut_off=False)).broken


def test_frames_whose_gap_nobody_could_see_yet_may_be_found_later() -> None:
    """When the consumer that had sent them sends again."""
    between = Between("display", BUS.after, ("video-a",))

    def shown(frames: int) -> Moment:
        sent = {name: {CAMERA: Books(50, 50, {}, 0)} for name in BUS.after}
        return Moment(sent | {"video-a": {CAMERA: Books(frames, frames, {}, 0)}})

    archive = Archive((CAMERA,), (between,), dict)
    archive.open(shown(100))
    assert not only(archive.close(shown(98), cut_off=True)).broken
    assert only(archive.close(shown(98), cut_off=False)).broken
    archive.open(shown(98))
    assert not only(archive.close(shown(100), cut_off=False)).broken
    assert only(archive.close(shown(101), cut_off=False)).broken


def test_records_written_by_hand_are_frames_that_went_out() -> None:
    """They come on top of the producer's."""
    after = moment(200, 110, 93)
    after.sheets[BY_HAND] = {CAMERA: Books(0, 3, {}, 0)}

    assert not only(opened(moment(100, 60, 40)).close(after, cut_off=False)).broken


def test_books_of_a_stage_that_did_not_answer_yet_are_empty() -> None:
    """A replica has none before its first frame."""
    nothing = Moment({})

    assert (nothing.out(BUS, CAMERA), nothing.left_over(BUS, CAMERA), nothing.lost(BUS, CAMERA)) == (0, 0, 0)
