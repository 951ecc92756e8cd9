"""Hands records to the brokers without waiting for them, and reports the outcome of each."""

import enum
import logging
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException

from shared.bus.client import LARGEST_MESSAGE_BYTES, Bus, OutageLog, Properties, make_client
from shared.bus.limits import Limit, MessageLimits, MessageTooLarge, record_bytes
from shared.crashes import run_again
from shared.errors import BusError

log = logging.getLogger(__name__)

POLL_S = 0.1
FLUSH_S = 0.5  # a healthy broker needs a few milliseconds; a service has 3 s to end

_DEFAULTS: Properties = {
    "acks": 1,
    "linger.ms": 0,
    "message.timeout.ms": 1000,
    "message.max.bytes": LARGEST_MESSAGE_BYTES,
    "queue.buffering.max.messages": 1000,
    "queue.buffering.max.kbytes": 262_144,
}
# What this package relies on; the user's properties do not override these.
_FIXED: Properties = {
    # Without a second attempt, a frame that was in flight when the connection broke is never written twice, and a frame
    # that is still queued was never sent: shared/frames/writer.py counts by that.
    "message.send.max.retries": 0,
    "delivery.report.only.error": False,
}


class Delivery(enum.Enum):
    """What became of a record that was handed to a Writer."""

    ACKNOWLEDGED = "acknowledged"
    UNCONFIRMED = "unconfirmed"  # sent, but not answered: the broker may have it or not
    NOT_SENT = "unsent"  # it certainly never left this process
    REFUSED = "refused"  # the broker answered that it does not take it
    TOO_LARGE = "too large"  # refused for its size: brokers may allow less than this client does


_DELIVERIES: Mapping[int, Delivery] = {
    KafkaError._PURGE_QUEUE: Delivery.NOT_SENT,
    KafkaError._UNKNOWN_TOPIC: Delivery.NOT_SENT,
    KafkaError._UNKNOWN_PARTITION: Delivery.NOT_SENT,
    KafkaError.MSG_SIZE_TOO_LARGE: Delivery.TOO_LARGE,
    KafkaError.RECORD_LIST_TOO_LARGE: Delivery.TOO_LARGE,
    KafkaError.UNKNOWN_TOPIC_OR_PART: Delivery.REFUSED,
    KafkaError.LEADER_NOT_AVAILABLE: Delivery.REFUSED,
    KafkaError.NOT_LEADER_FOR_PARTITION: Delivery.REFUSED,
    KafkaError.NOT_ENOUGH_REPLICAS: Delivery.REFUSED,
    KafkaError.INVALID_MSG: Delivery.REFUSED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED: Delivery.REFUSED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: Delivery.REFUSED,
    KafkaError.POLICY_VIOLATION: Delivery.REFUSED,
}


# What librdkafka reports if a broker closes the connection on a request: at once, or when it has not sent it in time.
_CONNECTION_LOST = {KafkaError._TRANSPORT, KafkaError._MSG_TIMED_OUT}


class Writer:
    """Hands records to the brokers without ever waiting for them. Thread-safe."""

    def __init__(self, bus: Bus, *, compression: str = "none") -> None:
        """Start the thread that receives the brokers' answers.

        Raises:
            SettingsError: librdkafka rejects a property or its value.
        """
        defaults = {**_DEFAULTS, "compression.type": compression}
        self._outages = OutageLog("writer")
        properties = bus.client_properties(defaults, {**_FIXED, "error_cb": self._outages})
        self._producer = make_client(confluent_kafka.Producer, properties)
        self._limits = MessageLimits(
            bus,
            client_limit_bytes=int(properties["message.max.bytes"]),
            compressed=properties["compression.type"] != "none",
        )
        # `close` waits for it: a record is queued either before that, and its callback is called, or not at all.
        self._queueing = threading.Lock()
        self._closed = False
        self._closing = threading.Event()
        self._answered_at: float | None = None
        self._answers = threading.Thread(
            target=run_again,
            args=("broker-answers", self._take_answers, self._closing),
            name="broker-answers",
            daemon=True,
        )
        self._answers.start()

    @property
    def answered_at(self) -> float | None:
        """Return the monotonic time of the brokers' last acknowledgement; None before the first."""
        return self._answered_at

    @property
    def refusal(self) -> str | None:
        """Return why the brokers refuse this client, if that is newer than their last acknowledgement; else None."""
        return self._outages.refusal if self._outages.refused_at > (self._answered_at or float("-inf")) else None

    def limit(self, topic: str, size_bytes: int) -> Limit | None:
        """Return the limit that a record of this size exceeds; None while the brokers are being asked for it."""
        return self._limits.of(topic, size_bytes)

    def send(
        self,
        topic: str,
        *,
        key: str,
        value: bytes,
        headers: list[tuple[str, bytes]],
        on_delivery: Callable[[Delivery], None],
    ) -> None:
        """Queue a record; `on_delivery` is called once, from another thread, when it is known what became of it.

        Raises:
            MessageTooLarge: it exceeds the client's limit, or one for which brokers refused a record before.
            BusError: the queue is full, or the writer is closed.
        """
        size_bytes = record_bytes(key.encode(), value, headers)
        self._limits.check(topic, size_bytes)

        def delivered(error: KafkaError | None, _message: object) -> None:
            try:
                delivery = self._delivery(error)
                if delivery is Delivery.REFUSED and error is not None:
                    self._outages(error)
                self._learn(topic, size_bytes, delivery, error)
                on_delivery(delivery)
            except Exception:  # it must not end the thread that receives the answers for all records
                log.exception("a delivery callback failed")

        try:
            with self._queueing:
                if self._closed:
                    raise BusError("the writer is closed")
                self._producer.produce(topic, key=key.encode(), value=value, headers=headers, on_delivery=delivered)
        except BufferError as exc:
            raise BusError("the queue to the broker is full") from exc
        except KafkaException as exc:
            if exc.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE:
                raise MessageTooLarge(size_bytes) from exc
            raise BusError(exc.args[0].str()) from exc

    def purge_queue(self) -> None:
        """Take back every record that has not been sent yet; each one is delivered as NOT_SENT."""
        self._producer.purge(in_queue=True, in_flight=False, blocking=False)

    def close(self, flush_s: float = FLUSH_S) -> None:
        """Wait up to `flush_s` seconds for answers, then give up on the rest.

        When this returns, the callback of every record has been called.
        """
        with self._queueing:
            self._closed = True
        self._producer.flush(flush_s)
        self._producer.purge(in_queue=True, in_flight=True, blocking=True)
        self._closing.set()
        self._answers.join()
        self._producer.flush(FLUSH_S)

    def __enter__(self) -> Self:
        """Return the writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _delivery(self, error: KafkaError | None) -> Delivery:
        if error is None:
            self._answered_at = time.monotonic()
            return Delivery.ACKNOWLEDGED
        return _DELIVERIES.get(error.code(), Delivery.UNCONFIRMED)

    def _learn(self, topic: str, size_bytes: int, delivery: Delivery, error: KafkaError | None) -> None:
        """Learn the brokers' limits from what became of a record."""
        if delivery is Delivery.ACKNOWLEDGED:
            self._limits.acknowledged(topic, size_bytes)
        elif self._closed:
            return
        elif delivery is Delivery.TOO_LARGE:
            self._limits.refused(topic, size_bytes)
        elif error is not None and error.code() in _CONNECTION_LOST:
            self._limits.unconfirmed(topic, size_bytes)

    def _take_answers(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(POLL_S)
