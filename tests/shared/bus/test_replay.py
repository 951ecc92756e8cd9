import pytest

from shared.bus import Bus, OffsetsUnknown, Record, Replay, Writer
from shared.errors import BusError
from tests.shared.brokers import broker_process, values, write
from tests.waiting import wait_until

PARTITIONS = range(4)  # of a topic of the embedded broker


def read(replay: Replay, count: int) -> list[Record]:
    """Return what a replay gives, until it is enough; at most three records at a time."""
    records: list[Record] = []

    def enough() -> bool:
        new = replay.read(3, 1.0)
        assert len(new) <= 3
        records.extend(new)
        return len(records) >= count

    wait_until(enough, f"{count} records")
    return records


def test_it_reads_what_follows_the_offsets(bus: Bus, writer: Writer) -> None:
    """Up to the end of each partition, also of an empty one, and then what is new."""
    write(writer, "again", *(b"%d" % number for number in range(10)))
    whole = Replay(bus, "again", group="g")
    whole.start(dict.fromkeys(PARTITIONS, 0))
    (partition,) = {record.partition for record in read(whole, 10)}
    whole.close()
    replay = Replay(bus, "again", group="g")

    replay.start({at: 4 if at == partition else 0 for at in PARTITIONS})

    assert values(read(replay, 6)) == [b"%d" % number for number in range(4, 10)]
    assert replay.positions == {at: 10 if at == partition else 0 for at in PARTITIONS}
    assert replay.read(3, 0.01) == []
    write(writer, "again", b"new")
    assert values(read(replay, 1)) == [b"new"]
    assert replay.expired == 0
    replay.close()


@pytest.mark.parametrize("offsets", [{0: 5000}, {77: 0}])
def test_offsets_beyond_the_end_belong_to_another_topic(bus: Bus, writer: Writer, offsets: dict[int, int]) -> None:
    write(writer, "short", b"x")
    replay = Replay(bus, "short", group="g")

    with pytest.raises(OffsetsUnknown):
        replay.start(offsets)

    replay.close()


def test_a_broker_that_is_away_is_an_error_and_holds_nothing_up() -> None:
    with broker_process() as broker:
        with Writer(broker.bus) as writer:
            write(writer, "away", b"x")
        broker.freeze()
        replay = Replay(broker.bus, "away", group="g")

        with pytest.raises(BusError) as raised:
            replay.start({0: 0})

        assert not isinstance(raised.value, OffsetsUnknown)
        replay.close()
