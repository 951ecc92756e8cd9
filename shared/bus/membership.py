"""A share of work among processes: the partitions of a topic, assigned by Kafka's group protocol; nothing is read.

Each partition that a member gets is held for a term: a number in microseconds that is higher than that of every holder
before, whatever the clocks of their machines say. The holder commits it as the group's offset of the partition, with a
note of up to 4 KB for the other members. So a holder that was cut off can find out that it was replaced, and readers of
what holders write can tell the newer one.

The group's offsets mean nothing else: no record of the topic is ever fetched by a member.
"""

import logging
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import confluent_kafka
from confluent_kafka import OFFSET_END, KafkaError, KafkaException, TopicPartition

from shared.bus.client import Bus, OutageLog, Properties, close_in_time, make_client
from shared.bus.embedded import is_embedded
from shared.bus.group import SESSION_ALLOWED_EVERYWHERE_MS, SESSION_TIMEOUT
from shared.clock import now_us

log = logging.getLogger(__name__)

MAX_NOTE_BYTES = 4000  # brokers take 4096 with a commit (offset.metadata.max.bytes)
HELD_ON_S = 15.0  # by a member that the group has lost, as long as nothing shows that another one holds its share
LOOK_AGAIN_S = 0.5  # whether another one does
COMMIT_AGAIN_S = 0.5  # if nothing was heard of the commit
ANSWER_TIMEOUT_S = 0.5

_DEFAULTS: Properties = {
    # A member that died is given up 2 s after its last heartbeat; the others hear of it with their next one.
    SESSION_TIMEOUT: 2000,
    "heartbeat.interval.ms": 200,
    "allow.auto.create.topics": False,
    "queued.min.messages": 1,
}
_FIXED: Properties = {
    "auto.offset.reset": "latest",
    "partition.assignment.strategy": "cooperative-sticky",  # who joins or leaves moves no more than it must
    "enable.auto.commit": False,
}
# Errors of which the client recovers by itself.
_PASSING = {
    *(KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS, KafkaError.UNKNOWN_MEMBER_ID),
    *(KafkaError._ALL_BROKERS_DOWN, KafkaError._ASSIGNMENT_LOST, KafkaError._NO_OFFSET),
    *(KafkaError._TIMED_OUT, KafkaError._TRANSPORT, KafkaError._WAIT_COORD),
}


@dataclass(frozen=True, slots=True)
class Note:
    """What the holder of a partition has committed: its term and its note."""

    term: int
    text: str


@dataclass(slots=True)
class _Holding:
    term: int
    text: str = ""
    sent: str | None = None  # the text of the last commit
    sent_at: float = float("-inf")
    committed: str | None = None  # the text that the broker has


class Membership:
    """One member of a group. Not thread-safe: use from one thread; `held` and `partitions` may be read from any.

    Attributes:
        held: the committed term of each partition that this member holds; replaced, never changed.
        partitions: of the topic; 0 until it is known.
        joined: the group has assigned a share to this member, which may be empty.
        trouble: what the brokers last refused, such as access to the group; None if nothing.
        is_alone: the broker is librdkafka's own, whose groups leave partitions without a holder for seconds: nothing is
            shared then.
    """

    def __init__(self, bus: Bus, topic: str, *, group: str) -> None:
        """Prepare; the group is joined by `update`.

        Raises:
            SettingsError: librdkafka rejects a property or its value.
        """
        self._topic = topic
        errors = OutageLog("group", topic)
        self._properties = bus.client_properties(_DEFAULTS, {**_FIXED, "group.id": group, "error_cb": errors})
        self._offsets = make_client(confluent_kafka.Consumer, self._properties)  # not a member: it reads commits
        self._member: Any = None
        self._closing = False
        self._holdings: dict[int, _Holding] = {}
        self._earlier: dict[int, _Holding] = {}  # what was held last of partitions that are not held now
        self._lost_at: float | None = None
        self._looked_at = float("-inf")
        self._updated_at = time.monotonic()
        self.held: Mapping[int, int] = {}
        self.partitions = 0
        self.joined = self.is_alone = False
        self.trouble: str | None = None

    def update(self) -> None:
        """Serve the group: heartbeats, rebalances, commits. Call it several times a second."""
        if self.is_alone:
            return
        paused_s, self._updated_at = time.monotonic() - self._updated_at, time.monotonic()
        if self._member is None and not self._join():
            return
        if paused_s > self._session_s:
            self._drop_replaced()  # this process stood still: others may hold its share by now
        message = self._member.poll(0)
        error = None if message is None else message.error()
        if error is not None and error.code() == KafkaError.INVALID_SESSION_TIMEOUT:
            self._rejoin_with_longer_session()
            return
        if error is not None:
            self._note_trouble(error)
        if self._lost_at is not None:
            self._hold_on(self._lost_at)
        self._commit()

    def note(self, partition: int, text: str) -> None:
        """Change the note of a partition that this member holds; it is cut to what brokers take."""
        holding = self._holdings.get(partition)
        if holding is not None:
            holding.text = text.encode()[:MAX_NOTE_BYTES].decode(errors="ignore")

    def notes(self, partitions: Iterable[int]) -> dict[int, Note]:
        """Return what the holders of partitions have committed; ask again later where there is nothing."""
        where = [TopicPartition(self._topic, partition) for partition in partitions]
        with suppress(KafkaException):
            answer = self._offsets.committed(where, timeout=ANSWER_TIMEOUT_S) if where else []
            return {at.partition: Note(at.offset, at.metadata or "") for at in answer if at.offset >= 0}
        return {}

    def leave(self) -> None:
        """Leave the group, so that others take over at once; `notes` may still be asked."""
        self._closing = True
        member, self._member = self._member, None
        if member is not None:
            close_in_time(member.close, topic=self._topic)

    def close(self) -> None:
        """Leave the group if need be, and close."""
        if not self._closing:
            self.leave()
        close_in_time(self._offsets.close, topic=self._topic)

    @property
    def holds_all(self) -> bool:
        """Whether no other member holds anything, as far as this one knows."""
        return self.partitions > 0 and len(self._holdings) == self.partitions

    @property
    def _session_s(self) -> float:
        return float(self._properties[SESSION_TIMEOUT]) / 1000

    def _join(self) -> bool:
        """Join the group, once a broker answers; return whether it did."""
        if self._closing:
            return False
        try:
            cluster = self._offsets.list_topics(timeout=ANSWER_TIMEOUT_S).cluster_id
        except KafkaException:
            return False
        if is_embedded(cluster):
            self.is_alone = True
            return False
        self._member = make_client(confluent_kafka.Consumer, {**self._properties, "on_commit": self._on_commit})
        self._member.subscribe([self._topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)
        return True

    def _rejoin_with_longer_session(self) -> None:
        if self._session_s * 1000 >= SESSION_ALLOWED_EVERYWHERE_MS:
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
        for partition in partitions:
            partition.offset = OFFSET_END
        member.incremental_assign(partitions)
        if self._closing or member is not self._member:
            return
        member.pause(partitions)  # there is nothing to read
        numbers = sorted(partition.partition for partition in partitions)
        with suppress(KafkaException):
            topics = self._offsets.list_topics(self._topic, timeout=ANSWER_TIMEOUT_S).topics
            self.partitions = len(topics[self._topic].partitions)
        notes = self.notes(numbers)
        if self._lost_at is not None:  # joined again: what is not assigned now is another one's
            self._lost_at = None
            self._give_up(self._holdings.keys() - set(numbers))
        for number in numbers:
            self._hold(number, notes.get(number))
        self.joined = True
        self._publish()
        if numbers:
            log.info("partitions assigned", extra={"topic": self._topic, "partitions": numbers})

    def _revoked(self, member: Any, partitions: list[TopicPartition]) -> None:
        numbers = sorted(partition.partition for partition in partitions)
        member.incremental_unassign(partitions)
        if self._closing or member is not self._member:
            return
        self._give_up(numbers)
        if numbers:
            log.info("partitions revoked", extra={"topic": self._topic, "partitions": numbers})

    def _lost(self, member: Any, partitions: list[TopicPartition]) -> None:
        """The coordinator was silent for a session, or this process stood still that long."""
        member.incremental_unassign(partitions)
        if self._closing or member is not self._member:
            return
        self._lost_at = time.monotonic()
        self._drop_replaced()
        log.info("the group was lost, joining it again", extra={"topic": self._topic, "holds": sorted(self._holdings)})

    # --- What is held

    def _hold(self, number: int, note: Note | None) -> None:
        known, before = self._earlier.pop(number, self._holdings.get(number)), 0 if note is None else note.term
        if known is None or before > known.term:  # otherwise nobody else has held it since
            known = _Holding(max(now_us(), before + 1))
        self._holdings[number] = known

    def _give_up(self, numbers: Iterable[int]) -> None:
        for number in list(numbers):
            if number in self._holdings:
                self._earlier[number] = self._holdings.pop(number)
        self._publish()

    def _hold_on(self, since_s: float) -> None:
        """Give up what another member holds; and everything after a while, unless there was no other member.

        While no broker answers, nobody else can have been given this share: then going on costs nothing, and no time is
        lost when the broker is back.
        """
        now = time.monotonic()
        if now - self._looked_at >= LOOK_AGAIN_S:
            self._looked_at = now
            self._drop_replaced()
        if now - since_s > HELD_ON_S and not self.holds_all and self._holdings:
            self._give_up(self._holdings)

    def _drop_replaced(self) -> None:
        notes = self.notes(self._holdings)
        replaced = [number for number, note in notes.items() if note.term > self._holdings[number].term]
        if replaced:
            self._give_up(replaced)
            log.info("partitions are held by another member", extra={"topic": self._topic, "partitions": replaced})

    def _publish(self) -> None:
        self.held = {
            number: holding.term for number, holding in self._holdings.items() if holding.committed is not None
        }

    def _commit(self) -> None:
        """Commit term and note of each partition where they have changed, without waiting."""
        if self._lost_at is not None:
            return
        now = time.monotonic()
        offsets = []
        for number, holding in self._holdings.items():
            is_on_its_way = holding.text == holding.sent and now - holding.sent_at < COMMIT_AGAIN_S
            if holding.text != holding.committed and not is_on_its_way:
                holding.sent, holding.sent_at = holding.text, now
                offsets.append(TopicPartition(self._topic, number, holding.term, holding.text))
        if offsets:
            with suppress(KafkaException):  # in the middle of a rebalance, for example: tried again
                self._member.commit(offsets=offsets, asynchronous=True)

    def _on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        for at in partitions:
            holding = self._holdings.get(at.partition)
            if error is None and at.error is None and holding is not None and at.offset == holding.term:
                holding.committed = at.metadata or ""
                self.trouble = None
            elif (refusal := at.error or error) is not None:
                self._note_trouble(refusal)
        self._publish()

    def _note_trouble(self, error: KafkaError) -> None:
        """Log what the brokers refuse, once."""
        if error.retriable() or error.code() in _PASSING:
            return
        if self.trouble != error.str():
            log.warning("the group cannot be used", extra={"topic": self._topic, "error": error.str()})
        self.trouble = error.str()
