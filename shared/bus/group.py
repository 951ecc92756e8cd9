"""A reader's membership of a consumer group, which tells it which partitions to read.

One client fetches (shared/bus/fetcher.py), another one is the member of the group. When the coordinator is silent for a
session, a member loses all its partitions at once. When the broker is back, it must wait until the group has given up
the member that it was before: 4 s of video. The client that fetches does not need the group for that long.
"""

import logging
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from shared.bus.client import make_client
from shared.bus.commits import Commits
from shared.bus.fetcher import AT_END, LOOKUP_TIMEOUT_S, NEW_AT_END, Fetcher, Start

log = logging.getLogger(__name__)

SESSION_TIMEOUT = "session.timeout.ms"
# Brokers allow this unless they are configured otherwise (group.min.session.timeout.ms).
SESSION_ALLOWED_EVERYWHERE_MS = 6000
COMMITTED_TIMEOUT_S = 1.0  # longest wait for what another reader committed


class GroupMember:
    """Reads the partitions that the group assigns. Not thread-safe: use from one thread."""

    def __init__(self, topic: str, properties: dict[str, Any], fetcher: Fetcher, commits: Commits) -> None:
        """Prepare; the group is joined at the first update.

        Args:
            topic: its partitions are shared by the group.
            properties: of the client; shared with the fetcher.
            fetcher: gets the assigned partitions.
            commits: of this reader.
        """
        self._topic, self._properties, self._fetcher, self._commits = topic, properties, fetcher, commits
        self._offsets = fetcher.offsets
        self._member: Any = None
        self._closing = False
        self._granted: set[int] = set()  # the partitions that the group has assigned to us
        self._partition_count = 0  # of the topic, at the last assignment
        self._signature = uuid.uuid4().hex  # begins the metadata of our own commits
        self._updated_at = time.monotonic()

    def update(self) -> None:
        """Join the group if need be, and serve it: heartbeats, rebalances."""
        if self._member is None:
            self._join()
        self.check_pause()
        message = self._member.poll(0)
        error = None if message is None else message.error()
        if error is not None and error.code() == KafkaError.INVALID_SESSION_TIMEOUT:
            self._rejoin_with_longer_session()
        elif error is not None:
            self._fetcher.note_error(error)

    def check_pause(self) -> None:
        """After a pause longer than the session timeout, check whether another reader took our partitions."""
        paused_s, self._updated_at = time.monotonic() - self._updated_at, time.monotonic()
        if paused_s > self._session_s:
            self._revoke_taken_by_others()

    def topic_recreated(self, partitions: Sequence[int]) -> None:
        """Read the same partitions of the new topic from their end.

        The member stays in the group: one that left in the middle of a rebalance would be waited for during a session.
        """
        self._fetcher.assign(dict.fromkeys(partitions, NEW_AT_END))

    def commit(self, accounted: Mapping[int, int]) -> None:
        """Commit the accounted offsets of partitions, without waiting."""
        self._commit(accounted, wait=False)

    def close(self, accounted: Mapping[int, int]) -> None:
        """Commit a last time and leave the group, so that others take over at once."""
        # From now on no callback asks a client anything: in the middle of its `close`, while the group was rebalancing,
        # such a question was seen to abort the process.
        self._closing = True
        self._commit(accounted, wait=True)
        if self._member is not None:
            self._member.close()

    @property
    def _session_s(self) -> float:
        return float(self._properties[SESSION_TIMEOUT]) / 1000

    def _join(self) -> None:
        self._member = make_client(confluent_kafka.Consumer, self._properties)
        self._member.subscribe([self._topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)

    def _rejoin_with_longer_session(self) -> None:
        """Use a session timeout that any broker allows; the next update joins with it."""
        if self._session_s * 1000 >= SESSION_ALLOWED_EVERYWHERE_MS:
            log.error("the brokers do not allow this session timeout", extra={"seconds": self._session_s})
            return
        log.warning(
            "the brokers do not allow this session timeout: set their group.min.session.timeout.ms",
            extra={"seconds": self._session_s, "uses": SESSION_ALLOWED_EVERYWHERE_MS / 1000},
        )
        self._properties[SESSION_TIMEOUT] = SESSION_ALLOWED_EVERYWHERE_MS
        refused, self._member = self._member, None
        refused.close()

    # --- Callbacks of the client

    def _assigned(self, member: Any, partitions: list[TopicPartition]) -> None:
        member.incremental_assign(partitions)
        if self._closing:
            return
        member.pause(partitions)  # the fetcher's client reads them
        numbers = _numbers(partitions)
        self._granted.update(numbers)
        self._fetcher.revoke(self._offsets.assigned.keys() - self._granted)
        left = self._committed_by_others(numbers)
        self._fetcher.revoke(left.keys() & self._offsets.assigned.keys())
        new = [number for number in numbers if number not in self._offsets.assigned]
        # What we know of the cameras of a partition is out of date, unless we remember the partition itself.
        metadata = {number: "" for number in new if not self._offsets.remembers(number)}
        metadata |= {number: text for number, (_, text) in left.items()}
        starts = {number: self._start_of(number, left) for number in new}
        with suppress(KafkaException):
            topics = member.list_topics(self._topic, timeout=LOOKUP_TIMEOUT_S).topics
            self._partition_count = len(topics[self._topic].partitions)
        self._fetcher.assign(starts, metadata)
        self._offsets.forget()  # the group gave everything else to other readers
        if numbers:
            log.info("partitions assigned", extra={"topic": self._topic, "partitions": numbers})

    def _revoked(self, member: Any, partitions: list[TopicPartition]) -> None:
        numbers = _numbers(partitions)
        if not self._closing and member is self._member:  # not one whose session timeout was refused
            # All of them, not only the uncommitted: the broker may have refused a commit in the middle of a rebalance.
            self._commit(self._offsets.accounted(numbers), wait=True)
            self._granted.difference_update(numbers)
            self._fetcher.revoke(self._offsets.assigned.keys() & set(numbers))
        member.incremental_unassign(partitions)
        if numbers:
            log.info("partitions revoked", extra={"topic": self._topic, "partitions": numbers})

    def _lost(self, member: Any, partitions: list[TopicPartition]) -> None:
        """The coordinator was silent for a session, or this process was paused that long.

        A reader that has all partitions of the topic keeps reading until the group says otherwise: there is nobody
        else.
        """
        member.incremental_unassign(partitions)
        if self._closing or member is not self._member:
            return
        self._granted.clear()
        if len(self._offsets.assigned) < self._partition_count:
            self._fetcher.revoke(set(self._offsets.assigned))
        self._revoke_taken_by_others()
        reads = sorted(self._offsets.assigned)
        log.info("the group was lost, joining it again", extra={"topic": self._topic, "reads": reads})

    # --- What other readers have done

    def _start_of(self, partition: int, left: Mapping[int, tuple[int, str]]) -> Start:
        if partition in left:
            accounted, _ = left[partition]
            return AT_END._replace(accounted=accounted)
        with suppress(KafkaException):
            return self._fetcher.start_of(partition)
        return AT_END  # no answer: accounting starts with the first record

    def _revoke_taken_by_others(self) -> None:
        self._fetcher.revoke(self._committed_by_others(sorted(self._offsets.assigned)))

    def _committed_by_others(self, partitions: list[int]) -> dict[int, tuple[int, str]]:
        """Return offset and metadata of the partitions whose last commit tells more than we remember."""
        where = [TopicPartition(self._topic, number) for number in partitions]
        left = {}
        with suppress(KafkaException):  # no answer: at worst our accounting starts later
            for at in self._member.committed(where, timeout=COMMITTED_TIMEOUT_S) if where else ():
                signature, _, metadata = (at.metadata or "").partition(" ")
                number = at.partition
                known = number in self._offsets.assigned or self._offsets.remembers(number)
                if at.offset >= 0 and not (known and signature == self._signature):
                    left[number] = at.offset, metadata
        return left

    def _commit(self, accounted: Mapping[int, int], *, wait: bool) -> None:
        committed = accounted if self._granted else {}
        metadata = {number: f"{self._signature} {self._commits.metadata_of(number)}" for number in committed}
        self._commits.write(self._member or self._fetcher.client, committed, metadata, wait=wait)


def _numbers(partitions: list[TopicPartition]) -> list[int]:
    return sorted(partition.partition for partition in partitions)
