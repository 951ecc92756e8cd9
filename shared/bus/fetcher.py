"""The client that fetches records from the partitions it is told to, and the offsets that it has reached."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import confluent_kafka
from confluent_kafka import OFFSET_END, KafkaError, KafkaException, TopicPartition

from shared.bus.client import close_in_time, make_client
from shared.bus.lag import SAMPLE_S
from shared.bus.offsets import PartitionOffsets
from shared.bus.record import Record, to_record

log = logging.getLogger(__name__)

LOOKUP_TIMEOUT_S = 0.5  # longest wait for metadata and watermarks
MOST_MESSAGES = 10_000  # of one read


class Start(NamedTuple):
    """Where a reader starts with a partition.

    Attributes:
        accounted: offset before which records are accounted for; None: accounting starts with the first record.
        offset: offset of the first record to read; OFFSET_END for the next one that is written.
    """

    accounted: int | None
    offset: int


AT_END = Start(None, int(OFFSET_END))
NEW_AT_END = Start(0, int(OFFSET_END))  # of a partition none of whose records is accounted for


class Fetcher:
    """Fetches the assigned partitions of one topic. Not thread-safe: use from one thread.

    Attributes:
        offsets: of the partitions.
        topic_is_new: the topic, or each partition that is added from now on, did not exist when this reader started:
            its records count from the first one.
        on_assigned: called with each assigned partition and the metadata that the reader before committed with it; see
            `Reader.on_assigned`.
        cluster_id: of the brokers, once they have said it.
    """

    def __init__(self, topic: str, properties: dict[str, Any], *, replay_last: int = 0) -> None:
        """Create the client.

        Raises:
            SettingsError: librdkafka rejects a property or its value.
        """
        self.offsets = PartitionOffsets()
        self.topic_is_new = False
        self.on_assigned: Callable[[int, str | None], None] = lambda _partition, _metadata: None
        self._topic, self._properties, self._replay_last = topic, properties, replay_last
        self._ends: dict[int, int] = {}  # partition -> offset of the first record written after the start
        self._with_news: set[int] = set()  # partitions with records since their high watermark was read
        self._all_read_at = 0.0  # monotonic time at which all high watermarks were read
        self._client = make_client(confluent_kafka.Consumer, properties)
        self.cluster_id: str | None = None

    @property
    def client(self) -> Any:
        """Return the consumer; `reopen` replaces it."""
        return self._client

    def start_of(self, partition: int) -> Start:
        """Return where to start with a partition that no other reader has had in the meantime.

        Raises:
            KafkaException: the broker does not answer.
        """
        if self.offsets.remembers(partition):
            return Start(self.offsets.remembered(partition), int(OFFSET_END))
        if self.topic_is_new and not self._replay_last:
            return NEW_AT_END
        where = TopicPartition(self._topic, partition)
        low, high = self._client.get_watermark_offsets(where, timeout=LOOKUP_TIMEOUT_S)
        self._ends[partition] = int(high)
        start = max(int(low), int(high) - self._replay_last)
        return Start(start, start)

    def assign(self, starts: Mapping[int, Start], metadata: Mapping[int, str] | None = None) -> None:
        """Start with partitions, each with the metadata that its reader before committed, if any."""
        if not starts:
            return
        self._client.incremental_assign(
            [TopicPartition(self._topic, partition, start.offset) for partition, start in starts.items()]
        )
        for partition, start in starts.items():
            self.offsets.assign(partition, start.accounted)
            self.on_assigned(partition, (metadata or {}).get(partition))

    def revoke(self, partitions: Iterable[int]) -> None:
        """Stop with partitions."""
        revoked = list(partitions)
        if not revoked:
            return
        for partition in revoked:
            self.offsets.revoke(partition)
        self._client.incremental_unassign([TopicPartition(self._topic, partition) for partition in revoked])

    def poll(self, timeout_s: float) -> list[Any]:
        """Return all messages that have arrived; wait up to `timeout_s` seconds for the first."""
        first = self._client.poll(timeout_s)
        return [] if first is None else [first, *self._client.consume(num_messages=MOST_MESSAGES, timeout=0)]

    def accept(self, messages: Sequence[Any]) -> list[Record]:
        """Account for messages and return them as records, without those of partitions that are not assigned now."""
        records = []
        for message in messages:
            error = message.error()
            if error is not None:
                self.note_error(error)
                continue
            left_out = self.offsets.advance(message.partition(), message.offset())
            if left_out is not None:
                self._with_news.add(message.partition())
                records.append(to_record(message, left_out))
        return records

    def seek_to_latest(self, max_lag_s: float) -> None:
        """Seek to the newest record of each partition where more is unread than arrives in `max_lag_s` seconds."""
        now = time.monotonic()
        for partition in self._read_high_watermarks(now):
            at = self.offsets.assigned[partition]
            high = at.high_watermark
            if high is None:
                continue
            at.arrivals.observe(high, now)
            if at.position is None or not at.arrivals.is_too_far(high - at.position, max_lag_s):
                continue
            with suppress(KafkaException):  # the assignment is not complete yet: it starts at the end anyway
                self._client.seek(TopicPartition(self._topic, partition, high - 1))
                at.position = high - 1

    def lag(self) -> dict[int, int]:
        """Return the number of unread records of each assigned partition whose high watermark is known.

        As `seek_to_latest` last found it.
        """
        return {
            partition: 0 if at.position is None else max(0, at.high_watermark - at.position)
            for partition, at in self.offsets.assigned.items()
            if at.high_watermark is not None
        }

    def predates_start(self, record: Record) -> bool:
        """Return whether a record was written before this reader started; known only with `replay_last`."""
        return record.offset < self._ends.get(record.partition, 0)

    def reopen(self) -> list[int]:
        """Replace the client because the topic was recreated; return the partitions that were assigned.

        librdkafka (seen with 2.16) keeps the leader epochs of the partitions that it reads. Those of a new topic start
        with 0, and it takes them for outdated: if the broker had ever been restarted, it reads nothing any more.
        """
        self.topic_is_new = True
        self.offsets.topic_recreated()
        close_in_time(self._client.close, topic=self._topic)
        self._client = make_client(confluent_kafka.Consumer, self._properties)
        partitions = sorted(self.offsets.assigned)
        for partition in partitions:
            self.offsets.revoke(partition)
        self._ends.clear()
        return partitions

    def note_error(self, error: KafkaError) -> None:
        """Log an error that arrived in place of a record, and check whether the topic is missing."""
        log.debug("reading failed", extra={"topic": self._topic, "error": error.str()})
        self.note_missing(error)

    def note_missing(self, error: KafkaError | None) -> None:
        """Check whether the topic is missing: then it is new when it appears."""
        if error is not None and error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            self.topic_is_new = True

    def _read_high_watermarks(self, now_s: float) -> Iterable[int]:
        """Read the high watermarks of the partitions with news, every SAMPLE_S seconds of all; return which were read.

        The client knows them from its fetches, but to ask it for all twelve, twice for each frame, took 60 µs.
        """
        assigned = self.offsets.assigned
        if now_s - self._all_read_at >= SAMPLE_S:
            self._all_read_at = now_s
            read = list(assigned)
        else:
            read = [partition for partition in self._with_news if partition in assigned]
        self._with_news.clear()
        for partition in read:
            assigned[partition].high_watermark = self._high_watermark(partition)
        return read

    def _high_watermark(self, partition: int) -> int | None:
        try:
            _, high = self._client.get_watermark_offsets(TopicPartition(self._topic, partition), cached=True)
        except KafkaException:
            return None
        return int(high) if high >= 0 else None
