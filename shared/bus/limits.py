"""The largest record that the brokers take: learned when they refuse one, and then applied before sending.

A broker refuses a record that exceeds the topic's `max.message.bytes` (1,048,588 by default) with MSG_SIZE_TOO_LARGE.
If the request exceeds `socket.request.max.bytes`, or at brokers that are no Apache Kafka, it closes the connection
instead (https://github.com/confluentinc/librdkafka/issues/3195). librdkafka then reports a transport failure or a
time-out, which may as well be an outage: only the brokers' configuration, or repetition, tells them apart.
"""

import logging
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import confluent_kafka.admin
from confluent_kafka import KafkaException

from shared.bus.client import Bus, OutageLog, make_client
from shared.bus.embedded import LARGEST_MESSAGE_BYTES as LARGEST_EMBEDDED_BYTES
from shared.errors import BusError

log = logging.getLogger(__name__)

LOOKUP_TIMEOUT_S = 2.0
RETRY_S = 10.0  # after a refusal; then one record is sent again, because the limit may have been raised
RETRY_CLOSED_S = 60.0  # after a closed connection, which costs the other records that are under way
SUSPECT_BYTES = 1_000_000  # smaller records that are not confirmed are no sign of a limit
BATCH_BYTES = 61 + 20  # head of a batch, and lengths, time and offset of its record
HEADER_BYTES = 6  # two lengths
SUSPECT_TIMES = 3  # that many in a row, from brokers that answer and do not tell their configuration

_TOPIC_LIMIT, _REQUEST_LIMIT = "max.message.bytes", "socket.request.max.bytes"
_admin: Any = confluent_kafka.admin  # it re-exports its names without declaring so to type checkers


@dataclass(frozen=True, slots=True)
class Limit:
    """The largest record of a topic.

    Attributes:
        size_bytes: its size; None if the brokers do not tell.
        setting: what to change to raise it.
    """

    size_bytes: int | None
    setting: str


class MessageTooLarge(BusError):
    """The record is larger than the brokers take."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"a record of {size_bytes} bytes is larger than the brokers take")


@dataclass(slots=True)
class _Topic:
    """What is known of one topic.

    Attributes:
        limit: None until the first lookup has ended.
        refuse_from: size of the smallest record that is not sent; None: any size is.
        refuse_until: monotonic time until which it is not sent.
        closed_at: sizes of consecutive large records that were not answered by brokers that answer otherwise, in bytes.
        looking_up: a thread asks the brokers.
    """

    limit: Limit | None = None
    refuse_from: int | None = None
    refuse_until: float = 0.0
    closed_at: list[int] = field(default_factory=list)
    looking_up: bool = False


class MessageLimits:
    """The limits of the topics that a writer writes to. Thread-safe."""

    def __init__(self, bus: Bus, *, client_limit_bytes: int, compressed: bool) -> None:
        """Start without knowledge; nothing is asked of a broker before it refuses a record.

        Args:
            bus: the brokers.
            client_limit_bytes: `message.max.bytes` of the client.
            compressed: records shrink on their way, so only the brokers know their size.
        """
        self._bus, self._client_limit_bytes, self._compressed = bus, client_limit_bytes, compressed
        self._lock = threading.Lock()
        self._topics: dict[str, _Topic] = {}

    def of(self, topic: str, size_bytes: int) -> Limit | None:
        """Return the limit that a record of this size exceeds; None while the brokers are being asked."""
        if size_bytes > self._client_limit_bytes:
            return self._client_limit
        with self._lock:
            return self._topics[topic].limit if topic in self._topics else None

    def check(self, topic: str, size_bytes: int) -> None:
        """Check a record before it is sent.

        Raises:
            MessageTooLarge: it exceeds a limit that is known.
        """
        if size_bytes > self._client_limit_bytes:
            raise MessageTooLarge(size_bytes)
        with self._lock:
            known = self._topics.get(topic)
            if known is None or known.refuse_from is None or size_bytes < known.refuse_from:
                return
            if time.monotonic() < known.refuse_until:
                raise MessageTooLarge(size_bytes)
            known.refuse_until = time.monotonic() + RETRY_S  # this one tries; the next ones wait for the result

    def acknowledged(self, topic: str, size_bytes: int) -> None:
        """Note a record that a broker has taken: limits below it do not hold any more."""
        if topic not in self._topics:  # without the lock, for the sake of speed: a limit is never old
            return
        with self._lock:
            known = self._topics[topic]
            if size_bytes >= SUSPECT_BYTES:
                known.closed_at.clear()
            if known.refuse_from is not None and size_bytes >= known.refuse_from:
                known.limit = known.refuse_from = None

    def refused(self, topic: str, size_bytes: int) -> None:
        """Note a record that a broker has refused for its size, and ask for the limit."""
        self._look_up(topic, size_bytes, refused=True)

    def unconfirmed(self, topic: str, size_bytes: int) -> None:
        """Note a record that was sent and not answered; if it is large, ask whether it exceeds a limit."""
        if size_bytes >= SUSPECT_BYTES:
            self._look_up(topic, size_bytes, refused=False)

    @property
    def _client_limit(self) -> Limit:
        setting = "message.max.bytes in KAFKACONFIG"
        if self._client_limit_bytes == LARGEST_EMBEDDED_BYTES:
            setting += " (the embedded broker keeps no more)"
        return Limit(self._client_limit_bytes, setting)

    def _look_up(self, topic: str, size_bytes: int, *, refused: bool) -> None:
        with self._lock:
            known = self._topics.setdefault(topic, _Topic())
            if known.looking_up:
                return
            known.looking_up = True
        threading.Thread(
            target=self._ask, args=(topic, size_bytes, refused), name=f"limit-{topic}", daemon=True
        ).start()

    def _ask(self, topic: str, size_bytes: int, refused: bool) -> None:
        answers, topic_limit, request_limit = False, None, None
        with suppress(KafkaException, TimeoutError):
            client = make_client(_admin.AdminClient, self._bus.client_properties({}, {"error_cb": OutageLog("limit")}))
            brokers = client.list_topics(topic, timeout=LOOKUP_TIMEOUT_S).brokers
            topic_limit = _configured(client, _admin.ConfigResource.Type.TOPIC, topic, _TOPIC_LIMIT)
            if not refused:
                broker = str(next(iter(brokers)))
                request_limit = _configured(client, _admin.ConfigResource.Type.BROKER, broker, _REQUEST_LIMIT)
            answers = bool(brokers)
        with self._lock:
            known = self._topics[topic]
            known.looking_up = False
            if refused:
                limit = Limit(topic_limit, f"{_TOPIC_LIMIT} of the topic {topic}")
                self._apply(known, limit, topic_limit, RETRY_S)
            elif request_limit is not None and size_bytes > request_limit:
                limit = Limit(request_limit, f"{_REQUEST_LIMIT} of the brokers")
                self._apply(known, limit, request_limit, RETRY_CLOSED_S)
            elif answers and request_limit is None:
                known.closed_at.append(size_bytes)
                if len(known.closed_at) >= SUSPECT_TIMES:
                    limit = Limit(None, "the largest request that the brokers accept")
                    self._apply(known, limit, min(known.closed_at) - 1, RETRY_CLOSED_S)
                    known.closed_at.clear()

    def _apply(self, known: _Topic, limit: Limit, largest_bytes: int | None, retry_s: float) -> None:
        known.limit = limit
        if largest_bytes is not None and not self._compressed:
            known.refuse_from, known.refuse_until = largest_bytes + 1, time.monotonic() + retry_s


def _configured(client: Any, kind: Any, name: str, setting: str) -> int | None:
    """Return a number of a topic's or a broker's configuration; None if the broker does not tell.

    Raises:
        TimeoutError: this machine is too busy to learn of an answer.
    """
    resource = _admin.ConfigResource(kind, name)
    with suppress(KafkaException, ValueError, KeyError, TypeError):
        (future,) = client.describe_configs([resource], request_timeout=LOOKUP_TIMEOUT_S).values()
        values: Mapping[str, Any] = future.result(LOOKUP_TIMEOUT_S + 1)
        return int(values[setting].value)
    return None


def record_bytes(key: bytes, value: bytes, headers: Iterable[tuple[str, bytes]]) -> int:
    """Return the size of a record as brokers count it: a batch of one record in format 2, at most.

    Format: https://kafka.apache.org/documentation/#recordbatch; every length is a variable-length integer.
    """
    return len(value) + len(key) + BATCH_BYTES + sum(len(name) + len(text) + HEADER_BYTES for name, text in headers)
