"""When a reader commits its offsets, and what it commits with them."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaException, TopicPartition

from shared.bus.offsets import PartitionOffsets

log = logging.getLogger(__name__)

COMMIT_EVERY_S = 0.2  # of a group: what a reader that is killed has not committed is counted twice
# Without a group, offsets only show the lag to tools. A commit is a record in a log for the broker, like a frame.
REPORT_EVERY_S = 5.0


class Commits:
    """The commits of one reader. Not thread-safe: use from one thread.

    Attributes:
        metadata_of: returns what the next reader of a partition must know.
    """

    def __init__(self, topic: str, offsets: PartitionOffsets, *, every_s: float = COMMIT_EVERY_S) -> None:
        self.metadata_of: Callable[[int], str] = lambda _partition: ""
        self._topic, self._offsets, self._every_s = topic, offsets, every_s
        self._next_at = float("-inf")

    def due(self) -> bool:
        """Return whether to commit now: at intervals, and at once after the first record of a partition."""
        return time.monotonic() >= self._next_at or self._offsets.start_is_uncommitted

    def write(self, client: Any, accounted: Mapping[int, int], metadata: Mapping[int, str], *, wait: bool) -> None:
        """Commit offsets, each with its metadata; a failure is not an error.

        Whoever takes over a partition then counts from the commit before.

        Args:
            client: the consumer that commits.
            accounted: offset by partition.
            metadata: by partition; where there is none, the commit has none.
            wait: wait for the broker's answer.
        """
        self._next_at = time.monotonic() + self._every_s
        if not accounted:
            return
        offsets = [
            TopicPartition(self._topic, partition, offset, metadata.get(partition, ""))
            for partition, offset in accounted.items()
        ]
        try:
            client.commit(offsets=offsets, asynchronous=not wait)
        except KafkaException as exc:
            log.debug("commit failed", extra={"topic": self._topic, "error": exc.args[0].str()})
        else:
            self._offsets.mark_committed(accounted)
