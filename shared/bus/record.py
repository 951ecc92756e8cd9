"""One record as a reader returns it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import confluent_kafka


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a topic.

    Attributes:
        partition: its partition.
        offset: its offset in the partition.
        timestamp_ms: milliseconds since the epoch, the broker's or the writer's as the topic is configured; None if the
            record has none.
        key: its key.
        value: its value.
        headers: its headers that have a value.
        left_out: number of records of the partition that no reader of the group returned directly before this one: our
            own seek passed over them, or no reader read them before this one took the partition over.
    """

    partition: int
    offset: int
    timestamp_ms: int | None
    key: bytes | None
    value: bytes | None = field(repr=False)
    headers: Mapping[str, bytes]
    left_out: int = 0


def to_record(message: Any, left_out: int) -> Record:
    """Return a message of the Kafka client as a record."""
    kind, milliseconds = message.timestamp()
    try:
        headers = {name: value for name, value in message.headers() or () if isinstance(value, bytes)}
    except UnicodeDecodeError:  # none of the suite's headers is named in another encoding
        headers = {}
    return Record(
        partition=message.partition(),
        offset=message.offset(),
        timestamp_ms=milliseconds if kind != confluent_kafka.TIMESTAMP_NOT_AVAILABLE else None,
        key=message.key(),
        value=message.value(),
        headers=headers,
        left_out=left_out,
    )
