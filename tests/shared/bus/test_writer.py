from collections import Counter

import pytest
from confluent_kafka import KafkaError

from shared.bus import Bus, Delivery, EmbeddedBroker, MessageTooLarge, Writer
from shared.errors import BusError
from tests.shared.brokers import broker_process, write
from tests.waiting import wait_until


def test_an_unconfirmed_record_was_sent_and_not_answered() -> None:
    with broker_process() as broker, Writer(broker.bus) as writer:
        write(writer, "frozen", b"before")
        broker.freeze()
        deliveries: list[Delivery] = []
        writer.send("frozen", key="k", value=b"sent", headers=[], on_delivery=deliveries.append)
        wait_until(lambda: bool(deliveries), "the time-out")

        assert deliveries == [Delivery.UNCONFIRMED]


def test_records_for_a_dead_broker_are_not_sent_when_the_queue_is_purged() -> None:
    with broker_process() as broker, Writer(broker.bus) as writer:
        write(writer, "dead", b"before")
        answered_at = writer.answered_at
        broker.kill()
        deliveries: Counter[Delivery] = Counter()

        def send_and_purge() -> bool:
            writer.send("dead", key="k", value=b"x", headers=[], on_delivery=lambda d: deliveries.update([d]))
            writer.purge_queue()
            return deliveries[Delivery.NOT_SENT] > 0

        wait_until(send_and_purge, "a record that was not sent")

        assert deliveries[Delivery.ACKNOWLEDGED] == 0
        assert writer.answered_at == answered_at


def test_closing_reports_every_record_once() -> None:
    """Whatever the broker did."""
    with broker_process() as broker:
        writer = Writer(broker.bus)
        write(writer, "closing", b"before")
        broker.kill()
        deliveries: list[list[Delivery]] = [[] for _ in range(50)]
        for reports in deliveries:
            writer.send("closing", key="k", value=b"x", headers=[], on_delivery=reports.append)

        writer.close(0.0)

    assert [len(reports) for reports in deliveries] == [1] * 50
    with pytest.raises(BusError, match="closed"):
        writer.send("closing", key="k", value=b"x", headers=[], on_delivery=lambda _: None)


def test_a_record_that_no_broker_takes_is_refused_at_once(writer: Writer) -> None:
    """A record above the limit is refused before it is queued, and its callback is not called."""
    deliveries: list[Delivery] = []
    with pytest.raises(MessageTooLarge):
        writer.send("large", key="k", value=bytes(2_000_001), headers=[], on_delivery=deliveries.append)

    write(writer, "large", b"small")
    assert deliveries == []


def test_a_full_queue_is_a_bus_error() -> None:
    """A writer never waits for room."""
    with Writer(Bus("127.0.0.1:1", {"queue.buffering.max.messages": 5})) as writer:
        for _ in range(5):
            writer.send("t", key="k", value=b"x", headers=[], on_delivery=lambda _: None)

        with pytest.raises(BusError, match="full"):
            writer.send("t", key="k", value=b"x", headers=[], on_delivery=lambda _: None)


def test_a_failing_callback_does_not_stop_the_answers(writer: Writer, caplog: pytest.LogCaptureFixture) -> None:
    """The error of one caller is logged, and the answers for all others come nevertheless."""

    def failing(_: Delivery) -> None:
        raise KeyError("mine")

    writer.send("failing", key="k", value=b"x", headers=[], on_delivery=failing)
    write(writer, "failing", b"y")

    assert "KeyError" in caplog.text


@pytest.mark.parametrize(
    ("code", "delivery"),
    [
        (KafkaError._PURGE_QUEUE, Delivery.NOT_SENT),
        (KafkaError._PURGE_INFLIGHT, Delivery.UNCONFIRMED),
        (KafkaError._MSG_TIMED_OUT, Delivery.UNCONFIRMED),
        (KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND, Delivery.UNCONFIRMED),
        (KafkaError.MSG_SIZE_TOO_LARGE, Delivery.TOO_LARGE),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, Delivery.REFUSED),
    ],
)
def test_only_what_is_certainly_not_at_the_broker_is_not_sent_or_refused(
    writer: Writer, code: int, delivery: Delivery
) -> None:
    assert writer._delivery(KafkaError(code)) is delivery


def test_the_user_cannot_override_what_the_ledger_relies_on() -> None:
    """With retries or without reports of success, the ledger would be wrong."""
    properties = {"message.send.max.retries": 5, "delivery.report.only.error": True}
    broker = EmbeddedBroker()
    with Writer(Bus(broker.servers, {**EmbeddedBroker.PROPERTIES, **properties})) as writer:
        write(writer, "t", b"x")  # without a report of success, this waits in vain
