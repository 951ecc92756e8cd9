import logging
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError

from shared.bus import Bus, Delivery, EmbeddedBroker, MessageTooLarge, Reader, Record, Writer
from shared.errors import BusError, SettingsError
from tests.shared.brokers import broker_process, read_until, settle_in, values, write
from tests.waiting import wait_until

LONG_AGO = b"long ago"


@pytest.fixture(scope="module")
def bus() -> Iterator[Bus]:
    broker = EmbeddedBroker()
    yield broker.bus()
    del broker


@pytest.fixture(scope="module")
def writer(bus: Bus) -> Iterator[Writer]:
    with Writer(bus) as writer:
        yield writer


def test_a_reader_starts_at_the_end(bus: Bus, writer: Writer) -> None:
    """What was written before a reader came is never seen by it."""
    write(writer, "start", *[LONG_AGO] * 5)

    with Reader.of_all_partitions(bus, "start", group="g") as reader:
        settle_in(reader, writer, "start")
        write(writer, "start", b"now")
        records = read_until(reader, lambda records: bool(records))

    assert values(records) == [b"now"]


def test_all_that_arrived_is_returned_at_once_and_in_order(bus: Bus, writer: Writer) -> None:
    """One read returns every record that is there, oldest first."""
    with Reader.of_all_partitions(bus, "several", group="g") as reader:
        settle_in(reader, writer, "several")
        write(writer, "several", *(b"%d" % n for n in range(20)))
        records = read_until(reader, lambda records: len(records) >= 20)

    assert values(records) == [b"%d" % n for n in range(20)]
    assert [record.offset for record in records] == list(range(records[0].offset, records[0].offset + 20))


def test_a_record_brings_key_headers_and_time(bus: Bus, writer: Writer) -> None:
    """Key, headers and time arrive as they were written."""
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
    """A reader of a topic that does not exist waits for it."""
    with Reader.of_all_partitions(bus, "later", group="g") as reader:
        assert reader.read(0.01) == []

        with Writer(bus) as writer:
            settle_in(reader, writer, "later")


def test_readers_of_every_partition_do_not_share(bus: Bus, writer: Writer) -> None:
    """Two readers of the same name each get every record of every key."""
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


def test_a_tail_begins_so_many_records_before_the_end(bus: Bus, writer: Writer) -> None:
    """A reader with a tail gets the last records too, and can tell them from new ones."""
    write(writer, "tail", *(b"%d" % n for n in range(10)))

    with Reader.of_all_partitions(bus, "tail", group="g", replay_last=3) as reader:
        old = read_until(reader, lambda records: len(records) >= 3)
        write(writer, "tail", b"new")
        new = read_until(reader, lambda records: bool(records))

    assert values(old) == [b"7", b"8", b"9"]
    assert all(reader.predates_start(record) for record in old)
    assert values(new) == [b"new"]
    assert not reader.predates_start(new[0])


def test_after_a_pause_the_reader_goes_to_the_newest(bus: Bus, writer: Writer) -> None:
    """What is too far behind is left out and counted, and nothing from before comes after the seek."""
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


def test_a_reader_that_keeps_up_is_left_where_it_is(bus: Bus, writer: Writer) -> None:
    """Two unread records are never too many, and lag tells how many there are."""
    with Reader.of_all_partitions(bus, "fresh", group="g") as reader:
        settle_in(reader, writer, "fresh")

        reader.seek_to_latest(0.0)
        assert set(reader.lag().values()) == {0}
        write(writer, "fresh", b"next")
        [record] = read_until(reader, lambda records: bool(records))
        assert record.left_out == 0


def test_a_group_shares_a_topic_and_hands_it_over(bus: Bus, writer: Writer) -> None:
    """Who leaves is followed by another, who starts at the end, and is told what the other left behind."""
    notes: dict[str, dict[int, str | None]] = {"first": {}, "second": {}}
    first = Reader.in_group(bus, "group", group="both")
    first.on_assigned(notes["first"].__setitem__)
    first.commit_metadata(lambda partition: f"note of {partition}")
    settle_in(first, writer, "group")
    first.close()

    write(writer, "group", LONG_AGO, LONG_AGO)
    with Reader.in_group(bus, "group", group="both") as second:
        second.on_assigned(notes["second"].__setitem__)
        records: list[Record] = []
        written = 0
        while not records:
            records = second.read(0.05)
            if len(notes["second"]) == 4:
                write(writer, "group", b"now")
                written += 1

    assert notes["first"] == dict.fromkeys(range(4), "")
    assert notes["second"] == {partition: f"note of {partition}" for partition in range(4)}
    assert {record.value for record in records} == {b"now"}
    assert 2 <= records[0].left_out < 2 + written


def test_who_lost_the_group_reads_on_if_all_was_its_own() -> None:
    """After a freeze longer than a session the next record comes, whenever the group has found itself again."""
    with (
        broker_process() as broker,
        Writer(broker.bus) as writer,
        Reader.in_group(broker.bus, "lost", group="g") as reader,
    ):
        settle_in(reader, writer, "lost")
        broker.freeze()
        wait_until(lambda: reader.read(0.05) == [] and not reader._granted, "the group is lost")
        broker.thaw()
        fates: list[Delivery] = []
        while Delivery.ACKNOWLEDGED not in fates:
            writer.send("lost", key="camera", value=b"after", headers=[], on_delivery=fates.append)
            wait_until(lambda: bool(fates), "its fate")
        first = read_until(reader, lambda records: bool(records))[0]

    assert (first.value, first.left_out) == (b"after", 0)


def test_an_unconfirmed_record_was_sent_and_not_answered() -> None:
    """Towards a frozen broker, what was sent is unconfirmed, what is taken back in the queue is unsent."""
    with broker_process() as broker, Writer(broker.bus) as writer:
        write(writer, "frozen", b"before")
        broker.freeze()
        fates: list[Delivery] = []
        writer.send("frozen", key="k", value=b"sent", headers=[], on_delivery=fates.append)
        wait_until(lambda: bool(fates), "the time-out")

        assert fates == [Delivery.UNCONFIRMED]


def test_nothing_waits_for_a_frozen_broker_at_the_end() -> None:
    """Reader and writer close although the broker answers nothing."""
    with broker_process() as broker:
        reader, writer = Reader.of_all_partitions(broker.bus, "frozen", group="g"), Writer(broker.bus)
        settle_in(reader, writer, "frozen")
        broker.freeze()
        fates: list[Delivery] = []
        for _ in range(3):
            writer.send("frozen", key="k", value=b"sent", headers=[], on_delivery=fates.append)
        writer.close(0.0)
        reader.close()

        assert len(fates) == 3
        assert Delivery.ACKNOWLEDGED not in fates


def test_records_for_a_dead_broker_are_unsent_when_taken_back() -> None:
    """What is queued while no broker is there never left, and is said to be so."""
    with broker_process() as broker, Writer(broker.bus) as writer:
        write(writer, "dead", b"before")
        answered_at = writer.answered_at
        broker.kill()
        fates: Counter[Delivery] = Counter()

        def send_and_take_back() -> bool:
            writer.send("dead", key="k", value=b"x", headers=[], on_delivery=lambda fate: fates.update([fate]))
            writer.purge_queue()
            return fates[Delivery.NOT_SENT] > 0

        wait_until(send_and_take_back, "an unsent record")

        assert fates[Delivery.ACKNOWLEDGED] == 0
        assert writer.answered_at == answered_at


def test_closing_settles_every_record() -> None:
    """When a writer is closed, each record has met its fate once, whatever the broker did."""
    with broker_process() as broker:
        writer = Writer(broker.bus)
        write(writer, "closing", b"before")
        broker.kill()
        fates: list[list[Delivery]] = [[] for _ in range(50)]
        for fate in fates:
            writer.send("closing", key="k", value=b"x", headers=[], on_delivery=fate.append)

        writer.close(0.0)

    assert [len(fate) for fate in fates] == [1] * 50
    with pytest.raises(BusError, match="closed"):
        writer.send("closing", key="k", value=b"x", headers=[], on_delivery=lambda _: None)


def test_a_record_that_no_broker_takes_is_refused_at_once(writer: Writer) -> None:
    """A record above the largest is refused before it is queued, and its fate is not called back."""
    fates: list[Delivery] = []
    with pytest.raises(MessageTooLarge):
        writer.send("large", key="k", value=bytes(2_000_001), headers=[], on_delivery=fates.append)

    write(writer, "large", b"small")
    assert fates == []


def test_a_full_queue_is_a_bus_error() -> None:
    """A writer never waits for room."""
    with Writer(Bus("127.0.0.1:1", {"queue.buffering.max.messages": 5})) as writer:
        for _ in range(5):
            writer.send("t", key="k", value=b"x", headers=[], on_delivery=lambda _: None)

        with pytest.raises(BusError, match="full"):
            writer.send("t", key="k", value=b"x", headers=[], on_delivery=lambda _: None)


def test_a_mistake_in_a_callback_does_not_stop_the_answers(writer: Writer, caplog: pytest.LogCaptureFixture) -> None:
    """One user's error is logged, and everybody's answers come all the same."""

    def mistaken(_: Delivery) -> None:
        raise KeyError("mine")

    writer.send("mistaken", key="k", value=b"x", headers=[], on_delivery=mistaken)
    write(writer, "mistaken", b"y")

    assert "KeyError" in caplog.text


@pytest.mark.parametrize(
    ("code", "fate"),
    [
        (KafkaError._PURGE_QUEUE, Delivery.NOT_SENT),
        (KafkaError._PURGE_INFLIGHT, Delivery.UNCONFIRMED),
        (KafkaError._MSG_TIMED_OUT, Delivery.UNCONFIRMED),
        (KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND, Delivery.UNCONFIRMED),
        (KafkaError.MSG_SIZE_TOO_LARGE, Delivery.TOO_LARGE),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, Delivery.REFUSED),
    ],
)
def test_the_fate_follows_from_the_error(writer: Writer, code: int, fate: Delivery) -> None:
    """Only what surely is not at the broker counts as unsent or refused."""
    assert writer._fate(KafkaError(code)) is fate


@pytest.mark.parametrize(
    "properties",
    [
        {"no.such.property": 1, "sasl.password": "hunter2"},
        {"linger.ms": "hunter2", "sasl.password": "hunter2"},
        {"message.max.bytes": "much"},
        {"linger.ms": "wrong", "sasl.password": ""},
    ],
)
def test_unknown_properties_end_in_one_line_without_secrets(properties: dict[str, str | int]) -> None:
    """What librdkafka does not take is a mistake in KAFKACONFIG, and passwords are not repeated."""
    for client in (lambda bus: Reader.in_group(bus, "t", group="g"), Writer):
        with pytest.raises(SettingsError) as caught:
            client(Bus("127.0.0.1:1", properties))
        [line] = caught.value.mistakes
        assert line.startswith("KAFKACONFIG: ")
        assert "hunter2" not in line
        assert "propert" in line


def test_what_the_books_rely_on_cannot_be_configured_away() -> None:
    """Retries and silent successes would make the ledger wrong; a person's properties do not go over these."""
    properties = {"message.send.max.retries": 5, "delivery.report.only.error": True}
    broker = EmbeddedBroker()
    with Writer(Bus(broker.servers, {**EmbeddedBroker.PROPERTIES, **properties})) as writer:
        write(writer, "t", b"x")  # would wait in vain for the answer


def test_an_outage_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """However often a client tries, the log has one line."""
    caplog.set_level(logging.WARNING)
    with Reader.in_group(Bus("127.0.0.1:1"), "t", group="g") as reader:
        wait_until(lambda: reader.read(0.05) == [] and bool(caplog.records), "the warning")
        for _ in range(5):
            reader.read(0.05)

    assert [record.getMessage() for record in caplog.records] == ["no broker can be reached, trying on"]
