"""The log of the newest events, and the cursors in it."""

from collections.abc import Mapping, Sequence

import pytest

from tests.video.events.records import LOG, Anyone, events
from video.access.rights import NOTHING
from video.events.event import Event
from video.events.log import MAX_SCANNED, RECREATED, Batch, Cursor, EventLog
from video.events.position import Position
from video.events.wanted import Wanted


def batch(*new: Event, before: Mapping[int, int], after: Mapping[int, int], log: str = LOG, left_out: int = 0) -> Batch:
    gaps = {event.partition: event.offset for event in new[:1]} if left_out else {}
    return Batch(list(new), before, Position(log, after), gaps, left_out)


def take(log: EventLog, cursor: Cursor) -> list[tuple[int, int]]:
    return places(log.take(cursor, most=1000, most_bytes=10**6))


def everything() -> Wanted:
    return Wanted(viewer=Anyone())


def places(taken: Sequence[Event]) -> list[tuple[int, int]]:
    return [(event.partition, event.offset) for event in taken]


def filled(**sizes: int) -> EventLog:
    """Return a log with the events 10 to 19 of partition 0, and nothing of partition 1, which is at 5."""
    log = EventLog(**sizes)
    log.append(batch(*events(*range(10, 20)), before={0: 10, 1: 5}, after={0: 20, 1: 5}))
    return log


def test_a_new_reader_gets_what_comes_from_now_on() -> None:
    log = filled()

    with log.cursor(everything()) as cursor:
        log.append(batch(*events(20, 21), before={0: 20, 1: 5}, after={0: 22, 1: 5}))
        assert cursor.wake.is_set()
        assert take(log, cursor) == [(0, 20), (0, 21)]
        assert not log.has_more(cursor)


def test_a_reader_goes_on_behind_its_position() -> None:
    """In each partition where it stopped, without one event twice and without leaving one out."""
    log = filled()
    log.append(batch(*events(5, 6, partition=1), *events(20), before={0: 20, 1: 5}, after={0: 21, 1: 7}))

    with log.cursor(everything(), Position(LOG, {0: 18, 1: 6})) as cursor:
        assert take(log, cursor) == [(0, 18), (0, 19), (1, 6), (0, 20)]


@pytest.mark.parametrize(
    ("offsets", "covered"),
    [
        ({0: 10, 1: 5}, True),
        ({0: 20, 1: 5}, True),
        ({0: 9, 1: 5}, False),
        ({0: 10, 1: 4}, False),
        ({0: 10}, False),  # it has seen nothing of partition 1
        ({0: 21, 1: 5}, False),  # it is ahead: of what?
        ({0: 15, 1: 5, 2: 1}, False),  # there is no partition 2
    ],
)
def test_a_log_knows_which_positions_it_covers(offsets: dict[int, int], covered: bool) -> None:
    log = filled()

    assert log.covers(Position(LOG, offsets)) is covered
    assert not log.covers(Position("another8", offsets))


@pytest.mark.parametrize("sizes", [{"max_events": 4}, {"max_bytes": 4 * len(events(10)[0].text) + 3}])
def test_a_slow_reader_is_told_how_many_of_its_events_it_missed(sizes: dict[str, int]) -> None:
    """Only those that it wanted count; the log keeps a number or a size, whichever is reached first."""
    log = EventLog(**sizes)
    with (
        log.cursor(everything()) as every,
        log.cursor(Wanted(cameras=["yard"], viewer=Anyone())) as yard,
        log.cursor(everything()) as fast,
    ):
        for offset in range(10, 20):
            camera = "yard" if offset % 2 else "gate"
            log.append(batch(*events(offset, camera=camera), before={0: offset}, after={0: offset + 1}))
            assert take(log, fast) == [(0, offset)]

        assert (every.missed, yard.missed, fast.missed) == (6, 3, 0)
        assert take(log, every) == [(0, 16), (0, 17), (0, 18), (0, 19)]
        assert take(log, yard) == [(0, 17), (0, 19)]
    assert log.covers(Position(LOG, {0: 16}))
    assert not log.covers(Position(LOG, {0: 15}))


def test_records_that_the_bus_lost_are_missed_by_all() -> None:
    log = filled()
    with log.cursor(Wanted(cameras=["yard"], viewer=Anyone())) as cursor:
        log.append(batch(*events(30), before={0: 30, 1: 5}, after={0: 31, 1: 5}, left_out=10))

        assert (cursor.missed, cursor.lost) == (0, 10)
    assert not log.covers(Position(LOG, {0: 20, 1: 5}))
    assert log.covers(Position(LOG, {0: 30, 1: 5}))


def test_a_topic_that_was_created_again_starts_a_new_log() -> None:
    """Readers are told, and where they stopped in the old topic says nothing about the new one."""
    log = filled()
    with log.cursor(everything(), Position(LOG, {0: 15, 1: 5})) as cursor:
        take(log, cursor)
        log.append(batch(*events(0, 1), before={0: 0}, after={0: 2}, log="another8"))

        assert cursor.reset == RECREATED
        assert take(log, cursor) == [(0, 0), (0, 1)]
    assert not log.covers(Position(LOG, {0: 20, 1: 5}))
    assert log.covers(Position("another8", {0: 1}))


def test_events_come_before_the_topic_is_known() -> None:
    """They are sent without ids; nobody can resume among them."""
    log = EventLog()
    with log.cursor(everything()) as cursor:
        log.append(Batch(events(3), {0: 3}, None))
        assert take(log, cursor) == [(0, 3)]
        log.append(batch(*events(4), before={0: 4}, after={0: 5}))

    assert not log.covers(Position(LOG, {0: 3}))
    with log.cursor(everything(), Position(LOG, {0: 4})) as cursor:
        assert take(log, cursor) == [(0, 4)]


def test_a_reader_that_wants_few_does_not_hold_up_the_others() -> None:
    log = EventLog()
    with log.cursor(Wanted(cameras=["yard"], viewer=Anyone())) as cursor:
        many = events(*range(MAX_SCANNED + 1))
        log.append(batch(*many, before={0: 0}, after={0: len(many)}))

        assert take(log, cursor) == []
        assert log.has_more(cursor)
        assert take(log, cursor) == []
        assert not log.has_more(cursor)


def test_one_write_is_bounded() -> None:
    log = filled()
    size = len(events(10)[0].text)
    with log.cursor(everything(), Position(LOG, {0: 10, 1: 5})) as cursor:
        assert len(log.take(cursor, most=3, most_bytes=10**6)) == 3
        assert len(log.take(cursor, most=100, most_bytes=size + 1)) == 2


def test_a_filter_leaves_out_what_was_not_asked_for() -> None:
    """Cameras, models and probability; several of each are one of them."""
    front, yard = (
        [
            event
            for model, best in (("a", 0.4), ("b", 0.6))
            for event in events(1, camera=camera, model=model, predictions=[finding(best)])
        ]
        for camera in ("front", "yard")
    )
    (nothing,) = events(1, predictions=[])

    def wanted(**options: object) -> list[tuple[str, str]]:
        keeps = Wanted(**options, viewer=Anyone())  # type: ignore[arg-type]
        return [(event.camera, event.model) for event in [*front, *yard] if keeps(event)]

    assert len(wanted()) == 4
    assert wanted(cameras=["yard"], models=["a", "b"]) == [("yard", "a"), ("yard", "b")]
    assert wanted(cameras=["yard", "front"], models=["a"]) == [("front", "a"), ("yard", "a")]
    assert wanted(least=0.6) == [("front", "b"), ("yard", "b")]
    assert (everything()(nothing), Wanted(least=0.01, viewer=Anyone())(nothing)) == (True, False)


def finding(probability: float) -> dict[str, object]:
    return {"class": 1, "label": "x", "probability": probability}


def test_a_right_that_ends_ends_the_events_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked again after a second, and not for each event."""
    now, viewer, (event,) = [100.0], Anyone(), events(1)
    monkeypatch.setattr("video.events.wanted.time.monotonic", lambda: now[0])

    wanted = Wanted(viewer=viewer)
    assert [wanted(event) for _ in range(50)] == [True] * 50
    assert viewer.asked == 1
    viewer.rights = NOTHING
    now[0] += 1.1
    assert not wanted(event)
    assert not wanted.allowed
