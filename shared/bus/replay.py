"""Reads again what a topic holds from given offsets on: for a client that was away and knows where it stopped."""

import logging
import time
from collections.abc import Mapping
from typing import Any

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from shared.bus.client import METADATA_TIMEOUT_S, Bus, OutageLog, Properties, close_in_time, make_client
from shared.bus.fetcher import LOOKUP_TIMEOUT_S
from shared.bus.record import Record, to_record
from shared.errors import BusError

log = logging.getLogger(__name__)

_DEFAULTS: Properties = {
    # Bounds the memory of one reader: what is fetched ahead, and what one fetch may return.
    "queued.min.messages": 1000,
    "queued.max.messages.kbytes": 4096,
    "fetch.max.bytes": 4_000_000,
    "receive.message.max.bytes": 14_000_000,
}
_FIXED: Properties = {
    "auto.offset.reset": "earliest",  # records that expire meanwhile are passed over; see `Replay.expired`
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "allow.auto.create.topics": False,
}


class OffsetsUnknown(BusError):
    """Offsets are beyond the end of the topic: they are another topic's that had its name."""


class Replay:
    """Reads the partitions of one topic from given offsets. It commits nothing.

    Not thread-safe: use from one thread at a time.

    Attributes:
        positions: offset of the next record by partition.
        expired: records after the given offsets that the topic keeps no longer.
    """

    def __init__(self, bus: Bus, topic: str, *, group: str) -> None:
        """Create the client.

        Args:
            bus: the brokers.
            topic: to be read.
            group: of the client's name only; what the brokers authorise.

        Raises:
            SettingsError: librdkafka rejects a property or its value.
        """
        self.positions: dict[int, int] = {}
        self.expired = 0
        self._topic = topic
        fixed = {**_FIXED, "group.id": group, "error_cb": OutageLog("replay", topic)}
        self._client: Any = make_client(confluent_kafka.Consumer, bus.client_properties(_DEFAULTS, fixed))

    def start(self, offsets: Mapping[int, int]) -> None:
        """Start at offsets, or at the oldest record where that is newer.

        Raises:
            OffsetsUnknown: an offset is beyond the end of its partition, or the topic has no such partition.
            BusError: the brokers do not answer.
        """
        self._expect(offsets)
        for partition, offset in sorted(offsets.items()):
            low, high = self._watermarks(partition)
            if offset > high:
                raise OffsetsUnknown(f"partition {partition} ends at {high}, before {offset}")
            self.positions[partition] = max(offset, low)
            self.expired += max(0, low - offset)
        self._client.assign(
            [TopicPartition(self._topic, partition, offset) for partition, offset in self.positions.items()]
        )

    def read(self, most: int, timeout_s: float) -> list[Record]:
        """Return at most so many records, those of each partition oldest first; none if none come in `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while (first := self._client.poll(max(0.0, deadline - time.monotonic()))) is not None:
            messages = [first, *self._client.consume(num_messages=most - 1, timeout=0)]
            records = [record for message in messages if (record := self._accept(message)) is not None]
            if records:
                return records
        return []

    def close(self) -> None:
        """Close the client; do not wait for a broker that does not answer."""
        close_in_time(self._client.close, topic=self._topic)

    def _expect(self, offsets: Mapping[int, int]) -> None:
        try:
            topic = self._client.list_topics(self._topic, timeout=METADATA_TIMEOUT_S).topics[self._topic]
        except KafkaException as exc:
            raise BusError(exc.args[0].str()) from exc
        unknown = sorted(offsets.keys() - topic.partitions.keys())
        if unknown:
            raise OffsetsUnknown(f"the topic has no partition {unknown[0]}")

    def _watermarks(self, partition: int) -> tuple[int, int]:
        try:
            where = TopicPartition(self._topic, partition)
            low, high = self._client.get_watermark_offsets(where, timeout=LOOKUP_TIMEOUT_S)
        except KafkaException as exc:
            raise BusError(exc.args[0].str()) from exc
        return int(low), int(high)

    def _accept(self, message: Any) -> Record | None:
        """Advance behind a message and return it as a record; None if it is the end of a partition, or an error."""
        error = message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            log.debug("reading failed", extra={"topic": self._topic, "error": error.str()})
            return None
        partition, offset = message.partition(), message.offset()
        before = self.positions.get(partition, 0)
        self.positions[partition] = max(before, offset if error is not None else offset + 1)
        if error is not None:
            return None
        left_out = max(0, offset - before)
        self.expired += left_out
        return to_record(message, left_out)
