import logging
import time

import pytest

from shared.bus import Bus, Delivery, Reader, Record, Writer
from tests.shared.brokers import broker_process, read_until, settle_in, values, write
from tests.waiting import wait_until

LONG_AGO = b"long ago"


def test_a_reader_starts_at_the_end(bus: Bus, writer: Writer) -> None:
    write(writer, "start", *[LONG_AGO] * 5)

    with Reader.of_all_partitions(bus, "start", group="g") as reader:
        settle_in(reader, writer, "start")
        write(writer, "start", b"now")
        records = read_until(reader, lambda records: bool(records))

    assert values(records) == [b"now"]


def test_all_that_arrived_is_returned_at_once_and_in_order(bus: Bus, writer: Writer) -> None:
    with Reader.of_all_partitions(bus, "several", group="g") as reader:
        settle_in(reader, writer, "several")
        write(writer, "several", *(b"%d" % n for n in range(20)))
        records = read_until(reader, lambda records: len(records) >= 20)

    assert values(records) == [b"%d" % n for n in range(20)]
    assert [record.offset for record in records] == list(range(records[0].offset, records[0].offset + 20))


def test_a_record_has_its_key_headers_and_time(bus: Bus, writer: Writer) -> None:
    with Reader.of_all_partitions(bus, "facts", group="g") as reader:
        settle_in(reader, writer, "facts", key="front")
        headers = [("seq", b"7"), ("empty", b"")]
        before_ms = time.time_ns() // 1_000_000
        writer.send("facts", key="front", value=b"x", headers=headers, on_delivery=lambda _: None)
        [record] = read_until(reader, lambda records: bool(records))

    assert record.key == b"front"
    assert dict(record.headers) == {"seq": b"7", "empty": b""}
    assert record.timestamp_ms is not None
    assert before_ms <= record.timestamp_ms <= time.time_ns() // 1_000_000


def test_a_topic_may_be_created_after_its_reader(bus: Bus) -> None:
    with Reader.of_all_partitions(bus, "later", group="g") as reader:
        assert reader.read(0.01) == []

        with Writer(bus) as writer:
            settle_in(reader, writer, "later")


def test_readers_of_all_partitions_do_not_share(bus: Bus, writer: Writer) -> None:
    """Two readers of the same group each get every record of every key."""
    keys = [f"camera-{n}" for n in range(6)]
    with (
        Reader.of_all_partitions(bus, "shared", group="g") as one,
        Reader.of_all_partitions(bus, "shared", group="g") as other,
    ):
        for reader in (one, other):
            for key in keys:
                settle_in(reader, writer, "shared", key=key)
        one.read(0.05)
        other.read(0.05)
        for key in keys:
            write(writer, "shared", b"now", key=key)
        for reader in (one, other):
            records = read_until(reader, lambda records: values(records).count(b"now") >= len(keys))
            assert {record.key for record in records if record.value == b"now"} == {key.encode() for key in keys}
            assert len({record.partition for record in records}) > 1


def test_a_replay_starts_before_the_end(bus: Bus, writer: Writer) -> None:
    """The reader gets the last records too, and can tell them from new ones."""
    write(writer, "replay", *(b"%d" % n for n in range(10)))

    with Reader.of_all_partitions(bus, "replay", group="g", replay_last=3) as reader:
        old = read_until(reader, lambda records: len(records) >= 3)
        write(writer, "replay", b"new")
        new = read_until(reader, lambda records: bool(records))

    assert values(old) == [b"7", b"8", b"9"]
    assert all(reader.predates_start(record) for record in old)
    assert values(new) == [b"new"]
    assert not reader.predates_start(new[0])


def test_after_a_pause_the_reader_goes_to_the_newest(bus: Bus, writer: Writer) -> None:
    """What is too far behind is left out and counted, and nothing from before the seek comes after it."""
    with Reader.of_all_partitions(bus, "pause", group="g") as reader:
        settle_in(reader, writer, "pause")
        reader.seek_to_latest(1.0)
        # More than a reader fetches ahead, so that the rest has to wait at the broker.
        write(writer, "pause", *(b"%03d" % n + bytes(20_000) for n in range(200)))
        seen: list[bytes] = []
        left_out = 0
        while not seen or seen[-1] != b"199":
            for record in read_until(reader, lambda records: bool(records)):
                left_out += record.left_out
                seen.append((record.value or b"")[:3])
                assert seen[-1] == b"%03d" % (len(seen) + left_out - 1)
            reader.seek_to_latest(0.0)

    assert left_out > 0
    assert len(seen) + left_out == 200


def test_a_reader_that_keeps_up_stays_where_it_is(bus: Bus, writer: Writer) -> None:
    """Two unread records are never too many, and `lag` returns how many there are."""
    with Reader.of_all_partitions(bus, "fresh", group="g") as reader:
        settle_in(reader, writer, "fresh")

        reader.seek_to_latest(0.0)
        assert set(reader.lag().values()) == {0}
        write(writer, "fresh", b"next")
        [record] = read_until(reader, lambda records: bool(records))
        assert record.left_out == 0


def test_a_group_shares_a_topic_and_hands_it_over(bus: Bus, writer: Writer) -> None:
    """The next reader starts at the end, and gets the metadata and the number of records that were left out."""
    metadata: dict[str, dict[int, str | None]] = {"first": {}, "second": {}}
    first = Reader.in_group(bus, "group", group="both")
    first.on_assigned(metadata["first"].__setitem__)
    first.commit_metadata(lambda partition: f"metadata of {partition}")
    settle_in(first, writer, "group")
    first.close()

    write(writer, "group", LONG_AGO, LONG_AGO)
    with Reader.in_group(bus, "group", group="both") as second:
        second.on_assigned(metadata["second"].__setitem__)
        records: list[Record] = []
        written = 0
        while not records:
            records = second.read(0.05)
            if len(metadata["second"]) == 4:
                write(writer, "group", b"now")
                written += 1

    assert metadata["first"] == dict.fromkeys(range(4), "")
    assert metadata["second"] == {partition: f"metadata of {partition}" for partition in range(4)}
    assert {record.value for record in records} == {b"now"}
    assert 2 <= records[0].left_out < 2 + written


def test_the_only_reader_of_a_group_reads_on_after_losing_it(caplog: pytest.LogCaptureFixture) -> None:
    """After a freeze longer than a session the next record comes without waiting for the group."""
    caplog.set_level(logging.INFO)
    with (
        broker_process() as broker,
        Writer(broker.bus) as writer,
        Reader.in_group(broker.bus, "lost", group="g") as reader,
    ):
        settle_in(reader, writer, "lost")
        broker.freeze()
        wait_until(lambda: reader.read(0.05) == [] and "the group was lost" in caplog.text, "the group is lost")
        broker.thaw()
        deliveries: list[Delivery] = []
        while Delivery.ACKNOWLEDGED not in deliveries:
            writer.send("lost", key="camera", value=b"after", headers=[], on_delivery=deliveries.append)
            wait_until(lambda: bool(deliveries), "its delivery report")
        first = read_until(reader, lambda records: bool(records))[0]

    assert (first.value, first.left_out) == (b"after", 0)


def test_closing_does_not_wait_for_a_frozen_broker() -> None:
    with broker_process() as broker:
        reader, writer = Reader.of_all_partitions(broker.bus, "frozen", group="g"), Writer(broker.bus)
        settle_in(reader, writer, "frozen")
        broker.freeze()
        deliveries: list[Delivery] = []
        for _ in range(3):
            writer.send("frozen", key="k", value=b"sent", headers=[], on_delivery=deliveries.append)
        writer.close(0.0)
        reader.close()

        assert len(deliveries) == 3
        assert Delivery.ACKNOWLEDGED not in deliveries
