"""Assignment policies: how a reader gets its partitions; and the policy that assigns all of them manually.

The other policy is shared/bus/group.py.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from confluent_kafka import KafkaException

from shared.bus.commits import Commits
from shared.bus.fetcher import LOOKUP_TIMEOUT_S, Fetcher

log = logging.getLogger(__name__)

LOOK_FOR_TOPIC_EVERY_S = 0.2  # while the topic is missing
LOOK_FOR_PARTITIONS_EVERY_S = 5.0


class Assignment(Protocol):
    """Decides which partitions of a topic a reader reads, and commits for it."""

    def update(self) -> None:
        """Bring the fetcher's partitions up to date; called before each read, and never waits for long."""

    def check_pause(self) -> None:
        """After a wait: give up the partitions that may have gone to another reader in the meantime."""

    def topic_recreated(self, partitions: Sequence[int]) -> None:
        """Assign the partitions of a topic that was deleted and created again.

        Args:
            partitions: those that were assigned before.
        """

    def commit(self, accounted: Mapping[int, int]) -> None:
        """Commit the accounted offsets of partitions, without waiting."""

    def close(self, accounted: Mapping[int, int]) -> None:
        """Commit a last time and leave; blocks while the broker does not answer."""


class AllPartitions:
    """Takes all partitions of a topic. The group is only the name under which the progress is committed.

    Not thread-safe: use from one thread.
    """

    def __init__(self, topic: str, fetcher: Fetcher, commits: Commits) -> None:
        self._topic, self._fetcher, self._commits = topic, fetcher, commits
        self._next_look = float("-inf")

    def update(self) -> None:
        """Take partitions that were added; looked for at intervals, in the reader's own thread.

        A Kafka consumer serves one thread at a time.
        """
        if time.monotonic() < self._next_look:
            return
        with suppress(KafkaException):  # no broker at the moment: try again at the next look
            self._take_new()
        assigned = self._fetcher.offsets.assigned
        self._next_look = time.monotonic() + (LOOK_FOR_PARTITIONS_EVERY_S if assigned else LOOK_FOR_TOPIC_EVERY_S)

    def check_pause(self) -> None:
        """Do nothing: no other reader takes these partitions."""

    def topic_recreated(self, partitions: Sequence[int]) -> None:  # noqa: ARG002 - of the protocol
        """Look for the new topic's partitions at the next update."""
        self._next_look = float("-inf")

    def commit(self, accounted: Mapping[int, int]) -> None:
        """Commit the accounted offsets of partitions, without waiting."""
        self._commits.write(self._fetcher.client, accounted, {}, wait=False)

    def close(self, accounted: Mapping[int, int]) -> None:
        """Commit a last time."""
        self.commit(accounted)

    def _take_new(self) -> None:
        fetcher = self._fetcher
        cluster = fetcher.client.list_topics(self._topic, timeout=LOOKUP_TIMEOUT_S)
        topic, fetcher.cluster_id = cluster.topics[self._topic], cluster.cluster_id
        fetcher.note_missing(topic.error)
        new = sorted(topic.partitions.keys() - fetcher.offsets.assigned.keys())
        fetcher.assign({partition: fetcher.start_of(partition) for partition in new})
        if new:
            fetcher.topic_is_new = True  # each partition that is added from now on is
            log.info("partitions taken", extra={"topic": self._topic, "partitions": new})
