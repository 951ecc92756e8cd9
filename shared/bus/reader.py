"""All the code that imports the Kafka client: a reader that takes the newest, a writer that never waits.

Properties: https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
"""

import enum
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ClassVar, Self

import confluent_kafka
import confluent_kafka.admin
from confluent_kafka import OFFSET_END, KafkaError, KafkaException, TopicPartition

from shared.bus.offsets import PartitionOffsets
from shared.crashes import run_again
from shared.errors import BusError, SettingsError
from shared.redact import is_secret_property

log = logging.getLogger(__name__)

Properties = Mapping[str, str | int | float | bool]
_administration: Any = confluent_kafka.admin  # it re-exports its names without saying so to type checkers

LARGEST_MESSAGE = 100_000_000  # bytes; the original's brokers take as much, and raw 4K in JSON needs 33 MB
METADATA_TIMEOUT_S = 2.0
ADMIN_TIMEOUT_S = 10.0
ADMIN_RETRY_S = 0.1
LOOK_TIMEOUT_S = 0.5
LOOK_FIRST_EVERY_S = 0.2  # for a topic that is not there yet
LOOK_EVERY_S = 5.0  # for partitions that were added
IDENTITY_EVERY_S = 1.0  # whether the topic is still the one that is being read
COMMIT_EVERY_S = 0.2
SESSION_ANYWHERE_MS = 6000  # brokers allow it unless they are told otherwise (group.min.session.timeout.ms)
TAKE_OVER_S = 1.0  # longest wait for what another reader committed
CALLBACK_POLL_S = 0.1
FLUSH_S = 0.5  # a healthy broker needs a few milliseconds; a service has 3 s to end
CLOSE_S = 1.0  # to leave a group; towards a frozen broker librdkafka would wait for ever

_BOTH: Properties = {
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 1000,
    "socket.connection.setup.timeout.ms": 3000,
    "socket.keepalive.enable": True,
    "socket.nagle.disable": True,
    "socket.timeout.ms": 6000,
    # A topic that was missing or created anew is noticed within this time.
    "topic.metadata.refresh.interval.ms": 2000,
    # As long as a partition has no leader, they ask for it in intervals that double from 100 ms up to this.
    "retry.backoff.max.ms": 300,
    "log_level": 2,  # it repeats itself every second of an outage; we say once what changed
}
_READER: Properties = {
    # A reader that died is given up after this time, and others read its partitions. So long a group of several is not
    # read either when it is formed anew, after an outage that lasted longer: brokers wait for those that were in it.
    "session.timeout.ms": 4000,
    "heartbeat.interval.ms": 1000,
    "allow.auto.create.topics": False,
    # A small prefetch: what is fetched and not yet read gets old here.
    "queued.min.messages": 10,
    "queued.max.messages.kbytes": 32_768,
    "fetch.queue.backoff.ms": 5,
    "fetch.error.backoff.ms": 100,
    "fetch.max.bytes": 16_000_000,
    "receive.message.max.bytes": LARGEST_MESSAGE + 10_000_000,
}
_WRITER: Properties = {
    "acks": 1,
    "linger.ms": 0,
    "message.timeout.ms": 1000,
    "message.max.bytes": LARGEST_MESSAGE,
    "queue.buffering.max.messages": 1000,
    "queue.buffering.max.kbytes": 262_144,
}
_IDENTITY: Properties = {
    # While the broker that it waits for is away, a client that only connects when it must (librdkafka 2.16) connects
    # ten thousand times a second: each failure wakes the request that waits, which asks for another try at once.
    "enable.sparse.connections": False,
}
# What this module relies on; a person's properties do not go over these.
_READER_FIXED: Properties = {
    "auto.offset.reset": "latest",
    "partition.assignment.strategy": "cooperative-sticky",  # the callbacks below assign incrementally
    "enable.auto.commit": False,  # what is committed goes with what was counted: shared/bus/offsets.py
}
_WRITER_FIXED: Properties = {
    # With no second try a frame that was in flight when the connection broke is never written twice,
    # and one that is still queued was surely never sent: shared/frames/writer.py counts by that.
    "message.send.max.retries": 0,
    "delivery.report.only.error": False,
}


@dataclass(frozen=True, slots=True)
class Bus:
    """Where the brokers are, and how to talk to them.

    Attributes:
        servers: `host:port`, several separated by commas.
        properties: librdkafka's, over ours.
    """

    servers: str
    properties: Properties = field(default_factory=dict)

    def client_properties(self, ours: Properties, fixed: Mapping[str, Any]) -> dict[str, Any]:
        """Return ours, the person's over them, and what must be so last."""
        return {**_BOTH, **ours, **self.properties, **fixed, "bootstrap.servers": self.servers}


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it lay on the bus; the time is the broker's or the writer's, milliseconds since the epoch.

    Before it so many records of its partition were left out: by our own seek, or by all readers of the group.
    """

    partition: int
    offset: int
    timestamp_ms: int | None
    key: bytes | None
    value: bytes | None = field(repr=False)
    headers: Mapping[str, bytes]
    left_out: int = 0


class Reader:
    """Reads one topic from its end on; made for one thread.

    Readers with the same group share the partitions, unless `every_partition`: then each reads all of them, and the
    group is only the name under which its progress is reported. See shared/bus/offsets.py for who counts which record.

    One client reads what it is told to, another is the member of the group that learns what to read. A member whose
    coordinator is silent for a session loses all at once, and must wait, when the broker is back, until the group has
    given up the member that it was before: 4 s of video. The client that reads does not need it for that long.
    """

    @classmethod
    def in_group(cls, bus: Bus, topic: str, *, group: str) -> Self:
        """Return a reader that shares the partitions of a topic with the other members of a consumer group."""
        return cls(bus, topic, group=group)

    @classmethod
    def of_all_partitions(cls, bus: Bus, topic: str, *, group: str, replay_last: int = 0) -> Self:
        """Return a reader of all partitions of a topic, which starts `replay_last` records before the end of each."""
        return cls(bus, topic, group=group, every_partition=True, tail=replay_last)

    def __init__(self, bus: Bus, topic: str, *, group: str, every_partition: bool = False, tail: int = 0) -> None:
        """Prepare; nothing is asked of a broker before the first `read`.

        Raises:
            SettingsError: librdkafka does not know a property, or not such a value.
        """
        self._bus, self._topic, self._every, self._tail = bus, topic, every_partition, tail
        fixed = {**_READER_FIXED, "group.id": group, "error_cb": _Outage("reader", topic)}
        self._properties = bus.client_properties(_READER, fixed)
        self._session_s = float(self._properties["session.timeout.ms"]) / 1000
        self._consumer = _made(confluent_kafka.Consumer, self._properties)
        self._member: Any = None
        self._closing = False
        self._granted: set[int] = set()  # what the group has told us to read
        self._partitions = 0  # of the topic, when the group told us so
        self._turned_at = time.monotonic()
        self._identity = _Identity(bus, topic)
        self._places = PartitionOffsets()
        self._signature = uuid.uuid4().hex  # under the notes that are ours
        self._came_first = False  # before the topic: none of its records has been counted
        self._on_assigned: Callable[[int, str | None], None] = lambda _partition, _note: None
        self._note_of: Callable[[int], str] = lambda _partition: ""
        self._next_look = self._next_commit = float("-inf")
        self._ends: dict[int, int] = {}  # partition -> offset of the first record written after we came

    def on_assigned(self, callback: Callable[[int, str | None], None]) -> None:
        """Call back with each partition that becomes ours, and the note of the reader that had it last.

        An empty note: nothing is known of it. None: that was us, and what is remembered of it holds.
        """
        self._on_assigned = callback

    def commit_metadata(self, note_of: Callable[[int], str]) -> None:
        """Commit with a partition what this returns for it: what the next reader of it must know.

        It is called when all that `read` has returned before is in the books.
        """
        self._note_of = note_of

    def read(self, timeout_s: float) -> list[Record]:
        """Return all records that have arrived, oldest first; an empty list if none came in that time."""
        if self._identity.has_changed():
            self._begin_anew()
        if self._every:
            self._look_for_partitions()
        else:
            self._be_a_member()
        if time.monotonic() >= self._next_commit or self._places.have_begun:
            self._commit(self._places.uncommitted(), wait=False)
        first = self._consumer.poll(timeout_s)
        if first is None:
            return []
        messages = [first, *self._consumer.consume(num_messages=10_000, timeout=0)]
        if self._member is not None:
            self._look_whether_slept()  # while we waited: these may be another reader's
        records = []
        for message in messages:
            error = message.error()
            if error is not None:
                self._complain(error)
                continue
            left_out = self._places.came(message.partition(), message.offset())
            if left_out is not None:
                records.append(_record(message, left_out))
        return records

    def seek_to_latest(self, max_lag_s: float) -> None:
        """Go to the newest record wherever more is unread than arrives in `max_lag_s` seconds.

        Asks the broker nothing: the high watermarks came with the records. The next record tells what was left out.
        """
        now = time.monotonic()
        for partition, place in self._places.ours.items():
            high = self._high_watermark(partition)
            if high is None:
                continue
            place.arrivals.saw(high, now)
            if place.reads is None or not place.arrivals.too_far(high - place.reads, max_lag_s):
                continue
            with suppress(KafkaException):  # it is only being assigned: it starts at the end anyway
                self._consumer.seek(TopicPartition(self._topic, partition, high - 1))
                place.reads = high - 1

    def lag(self) -> dict[int, int]:
        """Return the number of unread records for each partition that is ours."""
        lag = {}
        for partition, place in self._places.ours.items():
            high = self._high_watermark(partition)
            if high is not None:
                lag[partition] = 0 if place.reads is None else max(0, high - place.reads)
        return lag

    def predates_start(self, record: Record) -> bool:
        """Tell whether a record lay on the topic before this reader came; only with `tail`."""
        return record.offset < self._ends.get(record.partition, 0)

    def close(self) -> None:
        """Leave the group, so that others take over at once; a broker that does not answer is not waited for."""
        # No callback asks anything of a client from now on: in the middle of its `close`, when the group was just being
        # formed anew, such a question was seen to abort the process.
        self._closing = True
        counted = self._places.counted(self._places.ours)
        closing = [client.close for client in (self._member, self._consumer) if client is not None]
        _within(CLOSE_S, lambda: self._commit(counted, wait=not self._every), *closing, topic=self._topic)

    def __enter__(self) -> Self:
        """Return the reader itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _begin_anew(self) -> None:
        """Read the topic that was created in place of the one that was deleted, with another client.

        librdkafka (seen with 2.16) keeps the leader epochs of partitions that it reads. Those of a new topic start with
        0; it takes them for outdated, and reads nothing any more if the broker had ever been restarted before. The
        member of the group stays: one that left in the middle of a rebalance would be waited for a session long.
        """
        log.info("the topic was created anew, reading it from its end on", extra={"topic": self._topic})
        self._came_first = True
        self._places.begin_anew()
        _within(CLOSE_S, self._consumer.close, topic=self._topic)
        self._consumer = _made(confluent_kafka.Consumer, self._properties)
        read = sorted(self._places.ours)
        for number in read:
            self._places.give(number)
        self._ends.clear()
        if not self._every:
            self._take(dict.fromkeys(read, (0, int(OFFSET_END))))
        self._next_look = float("-inf")

    # --- All partitions, by hand

    def _look_for_partitions(self) -> None:
        """Look at the metadata now and then, in the reader's own thread: the client serves one at a time."""
        if time.monotonic() < self._next_look:
            return
        with suppress(KafkaException):  # no broker for now: the next look may find one
            topic = self._consumer.list_topics(self._topic, timeout=LOOK_TIMEOUT_S).topics[self._topic]
            self._look_whether_missing(topic.error)
            new = sorted(topic.partitions.keys() - self._places.ours.keys())
            beginnings = {number: self._beginning(number) for number in new}
            self._take(beginnings)
            if new:
                self._came_first = True  # before every partition that is added from now on
                log.info("partitions taken", extra={"topic": self._topic, "partitions": new})
        self._next_look = time.monotonic() + (LOOK_EVERY_S if self._places.ours else LOOK_FIRST_EVERY_S)

    # --- A share of them, as a member of the group

    def _be_a_member(self) -> None:
        if self._member is None:
            self._member = _made(confluent_kafka.Consumer, self._properties)
            self._member.subscribe([self._topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)
        self._look_whether_slept()
        message = self._member.poll(0)
        error = None if message is None else message.error()
        if error is not None and error.code() == KafkaError.INVALID_SESSION_TIMEOUT:
            self._join_for_longer()
        elif error is not None:
            self._complain(error)

    def _join_for_longer(self) -> None:
        """Take a session that any broker allows; the next turn joins with it."""
        if self._session_s * 1000 >= SESSION_ANYWHERE_MS:
            log.error("the brokers do not allow such a session", extra={"seconds": self._session_s})
            return
        log.warning(
            "the brokers do not allow such a session: set their group.min.session.timeout.ms",
            extra={"seconds": self._session_s, "takes": SESSION_ANYWHERE_MS / 1000},
        )
        self._properties["session.timeout.ms"] = SESSION_ANYWHERE_MS
        self._session_s = SESSION_ANYWHERE_MS / 1000
        refused, self._member = self._member, None
        refused.close()

    def _look_whether_slept(self) -> None:
        """A process that stood still for a session looks first whether others read now what it is about to."""
        slept_s, self._turned_at = time.monotonic() - self._turned_at, time.monotonic()
        if slept_s > self._session_s:
            self._give_what_others_took()

    def _assigned(self, member: Any, partitions: list[TopicPartition]) -> None:
        member.incremental_assign(partitions)
        if self._closing:
            return
        member.pause(partitions)  # the other client reads them
        numbers = _numbers(partitions)
        self._granted.update(numbers)
        self._give(self._places.ours.keys() - self._granted)
        left = self._left_by_others(numbers)
        self._give(left.keys() & self._places.ours.keys())
        new = [number for number in numbers if number not in self._places.ours]
        # What we know of the cameras of a partition is out of date, unless we remember the partition itself.
        notes = {number: "" for number in new if not self._places.remembers(number)}
        notes |= {number: note for number, (_, note) in left.items()}
        beginnings: dict[int, tuple[int | None, int]] = {}
        for number in new:
            beginnings[number] = None, OFFSET_END
            with suppress(KafkaException):  # no answer: our books begin with the first record that comes
                beginnings[number] = (left[number][0], OFFSET_END) if number in left else self._beginning(number)
        with suppress(KafkaException):
            self._partitions = len(
                member.list_topics(self._topic, timeout=LOOK_TIMEOUT_S).topics[self._topic].partitions
            )
        self._take(beginnings, notes)
        self._places.forget()  # what the group did not give us back others have
        if numbers:
            log.info("partitions assigned", extra={"topic": self._topic, "partitions": numbers})

    def _revoked(self, member: Any, partitions: list[TopicPartition]) -> None:
        numbers = _numbers(partitions)
        if not self._closing and member is self._member:  # not one that was refused
            # All of them: what was committed in the middle of the group's rebalance may have been refused.
            self._commit(self._places.counted(numbers), wait=True)
            self._granted.difference_update(numbers)
            self._give(self._places.ours.keys() & set(numbers))
        member.incremental_unassign(partitions)
        if numbers:
            log.info("partitions revoked", extra={"topic": self._topic, "partitions": numbers})

    def _lost(self, member: Any, partitions: list[TopicPartition]) -> None:
        """The coordinator was silent for a session, or it was us who slept.

        Who has all partitions of the topic goes on reading until the group says who reads what: there is nobody else.
        """
        member.incremental_unassign(partitions)
        if self._closing or member is not self._member:
            return
        self._granted.clear()
        if len(self._places.ours) < self._partitions:
            self._give(set(self._places.ours))
        self._give_what_others_took()
        log.info(
            "the group was lost, joining it again", extra={"topic": self._topic, "reads": sorted(self._places.ours)}
        )

    def _give_what_others_took(self) -> None:
        self._give(self._left_by_others(sorted(self._places.ours)))

    def _left_by_others(self, partitions: list[int]) -> dict[int, tuple[int, str]]:
        """Return offset and note of the partitions where the last commit tells more than we remember."""
        where = [TopicPartition(self._topic, number) for number in partitions]
        left = {}
        with suppress(KafkaException):  # no answer: at the worst our books begin later
            for place in self._member.committed(where, timeout=TAKE_OVER_S) if where else ():
                signature, _, note = (place.metadata or "").partition(" ")
                number = place.partition
                known = number in self._places.ours or self._places.remembers(number)
                if place.offset >= 0 and not (known and signature == self._signature):
                    left[number] = place.offset, note
        return left

    # --- PartitionOffsets

    def _beginning(self, partition: int) -> tuple[int | None, int]:
        """Return from where on we count, and read, the records of a partition that nobody else has had meanwhile.

        Raises:
            KafkaException: the broker does not answer.
        """
        if self._places.remembers(partition):
            return self._places.remembered(partition), int(OFFSET_END)
        if self._came_first and not self._tail:
            return 0, int(OFFSET_END)
        where = TopicPartition(self._topic, partition)
        low, high = self._consumer.get_watermark_offsets(where, timeout=LOOK_TIMEOUT_S)
        self._ends[partition] = int(high)
        start = max(int(low), int(high) - self._tail)
        return start, start

    def _take(self, beginnings: Mapping[int, tuple[int | None, int]], notes: Mapping[int, str] | None = None) -> None:
        if not beginnings:
            return
        self._consumer.incremental_assign(
            [TopicPartition(self._topic, number, start) for number, (_, start) in beginnings.items()]
        )
        for number, (counted, _) in beginnings.items():
            self._places.take(number, counted)
            self._on_assigned(number, (notes or {}).get(number))

    def _give(self, partitions: Iterable[int]) -> None:
        numbers = list(partitions)
        if not numbers:
            return
        for number in numbers:
            self._places.give(number)
        self._consumer.incremental_unassign([TopicPartition(self._topic, number) for number in numbers])

    def _commit(self, counted: Mapping[int, int], *, wait: bool) -> None:
        self._next_commit = time.monotonic() + COMMIT_EVERY_S
        if not counted or not (self._every or self._granted):
            return
        notes = {number: "" if self._every else f"{self._signature} {self._note_of(number)}" for number in counted}
        where = [TopicPartition(self._topic, number, offset, notes[number]) for number, offset in counted.items()]
        try:
            (self._member or self._consumer).commit(offsets=where, asynchronous=not wait)
        except KafkaException as exc:  # whoever takes over counts from the commit before
            log.debug("commit failed", extra={"topic": self._topic, "error": exc.args[0].str()})
        else:
            self._places.committed(counted)

    def _high_watermark(self, partition: int) -> int | None:
        try:
            _, high = self._consumer.get_watermark_offsets(TopicPartition(self._topic, partition), cached=True)
        except KafkaException:
            return None
        return int(high) if high >= 0 else None

    def _complain(self, error: KafkaError) -> None:
        # Unknown topic or partition: it is not there yet, or no longer; the next look at the metadata tells.
        log.debug("reading failed", extra={"topic": self._topic, "error": error.str()})
        self._look_whether_missing(error)

    def _look_whether_missing(self, error: KafkaError | None) -> None:
        if error is not None and error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            self._came_first = True


def _within(seconds: float, *steps: Callable[[], None], topic: str) -> None:
    """Take steps one after the other; a broker that does not answer is not waited for any longer."""

    def take() -> None:
        for step in steps:
            step()

    taking = threading.Thread(target=take, name=f"close-{topic}", daemon=True)
    taking.start()
    taking.join(seconds)
    if taking.is_alive():
        log.info("the broker does not answer, not waited for", extra={"topic": topic})


class _Identity:
    """Follows the id of a topic: one that is deleted and created anew has another. Never waits; made for one thread."""

    def __init__(self, bus: Bus, topic: str) -> None:
        self._admin = _made(
            _administration.AdminClient, bus.client_properties(_IDENTITY, {"error_cb": _Outage("identity")})
        )
        self._topic = confluent_kafka.TopicCollection([topic])
        self._id: str | None = None
        self._answer: Any = None
        self._ask_at = float("-inf")

    def has_changed(self) -> bool:
        """Tell, once, whether the topic has another id than the last time that it was there."""
        if self._answer is not None and self._answer.done():
            answer, self._answer = self._answer, None
            with suppress(KafkaException):  # no broker, or no such topic for now
                before, self._id = self._id, str(answer.result().topic_id)
                return before not in {None, self._id}
        if self._answer is None and time.monotonic() >= self._ask_at:
            self._ask_at = time.monotonic() + IDENTITY_EVERY_S
            with suppress(KafkaException):
                (self._answer,) = self._admin.describe_topics(self._topic, request_timeout=METADATA_TIMEOUT_S).values()
        return False


class Delivery(enum.Enum):
    """What became of a record that was handed to a Writer."""

    ACKNOWLEDGED = "acknowledged"
    UNCONFIRMED = "unconfirmed"  # it was sent, and no answer came: the broker may have it or not
    NOT_SENT = "unsent"  # it surely never left this process
    REFUSED = "refused"  # the broker answered that it does not take it
    TOO_LARGE = "too large"  # refused for its size: brokers may allow less than we do


_FATES: Mapping[int, Delivery] = {
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


# A cluster that has only just started: the client hears of its brokers one by one, and what it asked one that is not
# named any more it must ask again.
_PASSING = {KafkaError._DESTROY_BROKER, KafkaError._TRANSPORT, KafkaError.NOT_CONTROLLER}


class MessageTooLarge(BusError):
    """The record is larger than the brokers take."""


class Writer:
    """Hands records to the brokers without ever waiting for them; safe for several threads."""

    def __init__(self, bus: Bus, *, compression: str = "none") -> None:
        """Start the thread that receives the brokers' answers.

        Raises:
            SettingsError: librdkafka does not know a property, or not such a value.
        """
        properties = bus.client_properties(
            {**_WRITER, "compression.type": compression}, {**_WRITER_FIXED, "error_cb": _Outage("writer")}
        )
        self._producer = _made(confluent_kafka.Producer, properties)
        self._largest = int(properties["message.max.bytes"])
        self._sending = threading.Lock()  # what is queued is queued before the writer is closed, and thus settled
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
        """Monotonic time of the brokers' last acknowledgement; None: there was none yet."""
        return self._answered_at

    def send(
        self,
        topic: str,
        *,
        key: str,
        value: bytes,
        headers: list[tuple[str, bytes]],
        on_delivery: Callable[[Delivery], None],
    ) -> None:
        """Queue a record; `on_delivery` is called once, from another thread, when its fate is known.

        Raises:
            MessageTooLarge: no broker would take it.
            BusError: the queue is full, or the writer is closed.
        """
        if len(value) + sum(len(name) + len(text) for name, text in headers) > self._largest:
            raise MessageTooLarge(f"{len(value)} bytes; at most {self._largest} fit")

        def delivered(error: KafkaError | None, _message: object) -> None:
            try:
                on_delivery(self._fate(error))
            except Exception:  # it must not end the thread that brings everybody's answers
                log.exception("the fate of a record was not taken")

        try:
            with self._sending:
                if self._closed:
                    raise BusError("the writer is closed")
                self._producer.produce(topic, key=key.encode(), value=value, headers=headers, on_delivery=delivered)
        except BufferError as exc:
            raise BusError("the queue to the broker is full") from exc
        except KafkaException as exc:
            if exc.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE:
                raise MessageTooLarge(f"{len(value)} bytes") from exc
            raise BusError(exc.args[0].str()) from exc

    def purge_queue(self) -> None:
        """Take back every record that has not been sent yet; each is settled as NOT_SENT."""
        self._producer.purge(in_queue=True, in_flight=False, blocking=False)

    def close(self, flush_s: float = FLUSH_S) -> None:
        """Wait so long for answers, then give up what is left; all are settled when this returns."""
        with self._sending:
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

    def _fate(self, error: KafkaError | None) -> Delivery:
        if error is None:
            self._answered_at = time.monotonic()
            return Delivery.ACKNOWLEDGED
        return _FATES.get(error.code(), Delivery.UNCONFIRMED)

    def _take_answers(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(CALLBACK_POLL_S)


class EmbeddedBroker:
    """librdkafka's own broker, in this process's memory: for one machine and for tests, never for keeping anything.

    It creates topics on first use, keeps 5 MB per partition and silently loses what does not fit.
    """

    PROPERTIES: ClassVar[Properties] = {
        "fetch.wait.max.ms": 5,  # it does not wake a waiting fetch: 6 ms latency instead of 100
        "message.max.bytes": 2_000_000,  # above that it acknowledges and loses
    }

    def __init__(self) -> None:
        """Start it on a free port of the loopback interface."""
        self._cluster = confluent_kafka.Producer({"bootstrap.servers": "-", "test.mock.num.brokers": 1, "log_level": 2})

    @property
    def servers(self) -> str:
        """Return its address, for the `KAFKAPORT` settings."""
        brokers = self._cluster.list_topics(timeout=METADATA_TIMEOUT_S).brokers.values()
        return ",".join(f"{broker.host}:{broker.port}" for broker in brokers)

    def bus(self) -> Bus:
        """Return the way to reach it."""
        return Bus(self.servers, self.PROPERTIES)


class _Outage:
    """Says once that no broker can be reached, however often librdkafka does."""

    def __init__(self, who: str, topic: str = "") -> None:
        self._extra = {"client": who, "topic": topic}
        self._said_at = float("-inf")

    def __call__(self, error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN and not error.fatal():
            log.debug("broker", extra={**self._extra, "error": error.str()})
            return
        if time.monotonic() - self._said_at > 60:
            log.warning("no broker can be reached, trying on", extra={**self._extra, "error": error.str()})
        self._said_at = time.monotonic()


def _made(client: Any, properties: dict[str, Any]) -> Any:
    try:
        return client(properties)
    except (KafkaException, TypeError, ValueError) as exc:
        text = exc.args[0].str() if isinstance(exc, KafkaException) else str(exc)
        for name, value in properties.items():
            if is_secret_property(name) and str(value):
                text = text.replace(str(value), "***")
        raise SettingsError([f"KAFKACONFIG: {text}"]) from exc


def _record(message: Any, left_out: int) -> Record:
    kind, milliseconds = message.timestamp()
    try:
        headers = {name: value for name, value in message.headers() or () if isinstance(value, bytes)}
    except UnicodeDecodeError:  # a stranger's names in another encoding: not ours in any case
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


def _numbers(partitions: list[TopicPartition]) -> list[int]:
    return sorted(partition.partition for partition in partitions)


@dataclass(frozen=True, slots=True)
class DeclaredTopic:
    """What a topic must be like; properties that are not named stay as they are."""

    name: str
    partitions: int
    config: Mapping[str, str]


class Topics:
    """Makes topics what they are declared to be; never deletes one, nor takes a partition from one."""

    def __init__(self, bus: Bus) -> None:
        """Prepare; nothing is asked of a broker yet.

        Raises:
            SettingsError: librdkafka does not know a property, or not such a value.
        """
        self._admin = _made(_administration.AdminClient, bus.client_properties({}, {"error_cb": _Outage("topics")}))

    def broker_answers(self, timeout_s: float) -> bool:
        """Tell whether a broker answers within this time."""
        try:
            return bool(self._admin.list_topics(timeout=timeout_s).brokers)
        except KafkaException:
            return False

    def apply(self, topic: DeclaredTopic) -> list[str]:
        """Create the topic, or alter what differs; return what was done, nothing if it was so already.

        Raises:
            BusError: the brokers refuse, or do not answer any more.
        """
        deadline = time.monotonic() + ADMIN_TIMEOUT_S
        while True:
            try:
                done = self._apply(topic)
            except KafkaException as exc:
                if exc.args[0].code() not in _PASSING or time.monotonic() > deadline:
                    raise BusError(f"{topic.name}: {exc.args[0].str()}") from exc
            else:
                if done is not None:
                    return done
                if time.monotonic() > deadline:
                    raise BusError(f"{topic.name}: is there, and the broker at hand does not know it")
            time.sleep(ADMIN_RETRY_S)

    def _apply(self, topic: DeclaredTopic) -> list[str] | None:
        partitions = self._partitions_of(topic.name)
        if partitions is not None:
            return [*self._alter(topic), *self._extend(topic, partitions)]
        if self._create(topic):
            return [f"created with {topic.partitions} partitions"]
        # It is there all the same: another one who applies the list was faster, or the broker has only just started,
        # and does not know all its topics yet.
        return None

    def _partitions_of(self, name: str) -> int | None:
        # All topics: a question about one that is missing makes some brokers create it.
        there = self._admin.list_topics(timeout=ADMIN_TIMEOUT_S).topics.get(name)
        return (len(there.partitions) or None) if there else None

    def _create(self, topic: DeclaredTopic) -> bool:
        new = _administration.NewTopic(topic.name, num_partitions=topic.partitions, config=dict(topic.config))
        try:
            _done(self._admin.create_topics([new], operation_timeout=ADMIN_TIMEOUT_S, request_timeout=ADMIN_TIMEOUT_S))
        except KafkaException as exc:
            if exc.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
                return False
            raise
        return True

    def _alter(self, topic: DeclaredTopic) -> list[str]:
        resource = _administration.ConfigResource(_administration.ConfigResource.Type.TOPIC, topic.name)
        current = _done(self._admin.describe_configs([resource], request_timeout=ADMIN_TIMEOUT_S))
        values = {name: current[name].value if name in current else None for name in topic.config}
        differing = {name: value for name, value in topic.config.items() if values[name] != value}
        if differing:
            entries = [
                _administration.ConfigEntry(name, value, incremental_operation=_administration.AlterConfigOpType.SET)
                for name, value in differing.items()
            ]
            changed = _administration.ConfigResource(
                _administration.ConfigResource.Type.TOPIC, topic.name, incremental_configs=entries
            )
            _done(self._admin.incremental_alter_configs([changed], request_timeout=ADMIN_TIMEOUT_S))
        return [f"{name} {values[name]} → {value}" for name, value in differing.items()]

    def _extend(self, topic: DeclaredTopic, partitions: int) -> list[str]:
        if partitions > topic.partitions:
            return [f"keeps its {partitions} partitions, {topic.partitions} are declared"]
        if partitions == topic.partitions:
            return []
        more = _administration.NewPartitions(topic.name, topic.partitions)
        _done(self._admin.create_partitions([more], request_timeout=ADMIN_TIMEOUT_S))
        return [f"partitions {partitions} → {topic.partitions}"]


def _done(futures: Mapping[Any, Any]) -> Any:
    """Wait for the one answer of an admin request; return it.

    Raises:
        KafkaException: the broker refused, or did not answer.
    """
    (future,) = futures.values()
    return future.result(ADMIN_TIMEOUT_S + 1)
