"""Reads one topic from its end: fetch, seek, lag, commit."""

import logging
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from shared.bus.assignment import AllPartitions, Assignment
from shared.bus.client import LARGEST_MESSAGE_BYTES, Bus, OutageLog, Properties, close_in_time
from shared.bus.commits import REPORT_EVERY_S, Commits
from shared.bus.embedded import is_embedded
from shared.bus.fetcher import Fetcher
from shared.bus.group import SESSION_TIMEOUT, GroupMember
from shared.bus.record import Record
from shared.bus.topic_id import TopicId

log = logging.getLogger(__name__)

_DEFAULTS: Properties = {
    # A reader that died is given up after this time, and others read its partitions. A group of several is not read for
    # as long when it rebalances after an outage that was longer: brokers wait for the members that it had.
    SESSION_TIMEOUT: 4000,
    "heartbeat.interval.ms": 1000,
    "allow.auto.create.topics": False,
    # A small prefetch: what is fetched and not yet read gets old here.
    "queued.min.messages": 10,
    "queued.max.messages.kbytes": 32_768,
    "fetch.queue.backoff.ms": 5,
    "fetch.error.backoff.ms": 100,
    "fetch.max.bytes": 16_000_000,
    "receive.message.max.bytes": LARGEST_MESSAGE_BYTES + 10_000_000,
}
# What this package relies on; the user's properties do not override these.
_FIXED: Properties = {
    "auto.offset.reset": "latest",
    "partition.assignment.strategy": "cooperative-sticky",  # the callbacks of group.py assign incrementally
    "enable.auto.commit": False,  # commits go with what is accounted for: offsets.py
}


class Reader:
    """Reads one topic from its end. Not thread-safe: use from one thread.

    shared/bus/offsets.py says which reader accounts for which record. Nothing is asked of a broker before the first
    `read`, and the topic may be missing at first.
    """

    def __init__(self, bus: Bus, topic: str, *, fetcher: Fetcher, assignment: Assignment, commits: Commits) -> None:
        """Join the parts; use `in_group` or `of_all_partitions` instead."""
        self._topic, self._fetcher, self._assignment, self._commits = topic, fetcher, assignment, commits
        self._topic_id = TopicId(bus, topic)

    @classmethod
    def in_group(cls, bus: Bus, topic: str, *, group: str) -> Self:
        """Return a reader that shares the partitions of a topic with the other members of a consumer group.

        Raises:
            SettingsError: librdkafka rejects a property or its value.
        """
        properties = _properties(bus, topic, group)
        fetcher = Fetcher(topic, properties)
        commits = Commits(topic, fetcher.offsets)
        member = GroupMember(topic, properties, fetcher, commits)
        return cls(bus, topic, fetcher=fetcher, assignment=member, commits=commits)

    @classmethod
    def of_all_partitions(cls, bus: Bus, topic: str, *, group: str, replay_last: int = 0) -> Self:
        """Return a reader of all partitions of a topic.

        Args:
            bus: the brokers.
            topic: to be read.
            group: name under which the progress is committed, every REPORT_EVERY_S seconds.
            replay_last: start this many records before the end of each partition.

        Raises:
            SettingsError: librdkafka rejects a property or its value.
        """
        fetcher = Fetcher(topic, _properties(bus, topic, group), replay_last=replay_last)
        commits = Commits(topic, fetcher.offsets, every_s=REPORT_EVERY_S)
        return cls(bus, topic, fetcher=fetcher, assignment=AllPartitions(topic, fetcher, commits), commits=commits)

    def on_assigned(self, callback: Callable[[int, str | None], None]) -> None:
        """Call back with each partition that is assigned, and what its last reader committed as metadata.

        An empty text: nothing is known of that reader. None: this reader had the partition last, and what the caller
        remembers of it is still valid.
        """
        self._fetcher.on_assigned = callback

    def commit_metadata(self, metadata_of: Callable[[int], str]) -> None:
        """Commit with each partition what this callback returns for it: what its next reader must know.

        It is called when the caller has accounted for all records that `read` has returned so far.
        """
        self._commits.metadata_of = metadata_of

    def read(self, timeout_s: float) -> list[Record]:
        """Return all records that have arrived, oldest first; an empty list if none arrive within `timeout_s`."""
        if self._topic_id.has_changed():
            log.info("the topic was recreated, reading it from its end", extra={"topic": self._topic})
            self._assignment.topic_recreated(self._fetcher.reopen())
        self._assignment.update()
        if self._commits.due():
            self._assignment.commit(self._fetcher.offsets.uncommitted())
        messages = self._fetcher.poll(timeout_s)
        if messages:
            self._assignment.check_pause()  # they may be another reader's if this process was paused while it waited
        return self._fetcher.accept(messages)

    def seek_to_latest(self, max_lag_s: float) -> None:
        """Go to the newest record of each partition where more is unread than arrives in `max_lag_s` seconds.

        Asks the broker nothing: the high watermarks came with the records. The next record says how many were left out.
        """
        self._fetcher.seek_to_latest(max_lag_s)

    def lag(self) -> dict[int, int]:
        """Return the number of unread records by partition, as `seek_to_latest` last found it."""
        return self._fetcher.lag()

    def predates_start(self, record: Record) -> bool:
        """Return whether a record was written before this reader started; known only with `replay_last`."""
        return self._fetcher.predates_start(record)

    def positions(self) -> dict[int, int]:
        """Return the offset of the next record by partition, of those partitions whose offset is known."""
        return self._fetcher.offsets.accounted(self._fetcher.offsets.assigned)

    def log_id(self) -> str | None:
        """Return what identifies the topic among all that have had its name; None while that is unknown.

        That is the topic's id, which Kafka has had since 2.8. The embedded broker has none; the id of its cluster is
        another one each time it starts, and with it all its topics begin again.
        """
        cluster_id = self._fetcher.cluster_id
        return cluster_id if is_embedded(cluster_id) else self._topic_id.id

    def close(self) -> None:
        """Commit and leave the group; do not wait for a broker that does not answer."""
        offsets = self._fetcher.offsets
        accounted = offsets.accounted(offsets.assigned)
        close_in_time(lambda: self._assignment.close(accounted), self._fetcher.client.close, topic=self._topic)

    def __enter__(self) -> Self:
        """Return the reader itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def _properties(bus: Bus, topic: str, group: str) -> dict[str, Any]:
    return bus.client_properties(_DEFAULTS, {**_FIXED, "group.id": group, "error_cb": OutageLog("reader", topic)})
