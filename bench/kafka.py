"""A real Kafka for measurements, with topics of each run's own."""

import itertools
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from local.kafka.configuration import Ports
from local.kafka.node import KafkaEnded, Node
from local.kafka.parts import FOLDER, PartMissing, jars, java
from shared.bus import Bus, DeclaredTopic, Topics
from shared.topics import read_list

ATTEMPTS = 3
DELETE_TIMEOUT_S = 30.0
_suffixes = (f"-{number}" for number in itertools.count(1))


@contextmanager
def kafka() -> Iterator[Bus]:
    """Run a Kafka with the suite's topics.

    Raises:
        PartMissing: there is no Java 17, or the jars cannot be fetched.
    """
    with node() as broker:
        declare(broker, "")
        yield Bus(broker.servers[0])


@contextmanager
def node() -> Iterator[Node]:
    """Run a Kafka without topics.

    Raises:
        PartMissing: there is no Java 17, or the jars cannot be fetched.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for attempt in range(1, ATTEMPTS + 1):
            try:
                broker = stack.enter_context(Node(jars(), folder / str(attempt), Ports.free()))
                break
            except KafkaEnded:  # on a busy machine another program may have taken a port meanwhile
                if attempt == ATTEMPTS:
                    raise
        yield broker


def missing() -> str:
    """Return what this machine lacks for a Kafka, empty if nothing."""
    try:
        java()
        jars()
    except PartMissing as exc:
        return str(exc)
    return ""


@contextmanager
def topics_of_its_own(broker: Node) -> Iterator[tuple[str, list[str]]]:
    """Yield a suffix of topics that nobody has written to, and their names; delete them at the end."""
    suffix = next(_suffixes)
    topics = declare(broker, suffix)
    try:
        yield suffix, topics
    finally:
        delete(broker, topics)


def declare(broker: Node, suffix: str) -> list[str]:
    """Create the suite's topics as they are deployed, with a suffix to their names; return the names."""
    topics = [DeclaredTopic(one.name + suffix, one.partitions, one.config) for one in read_list(FOLDER / "topics.toml")]
    for topic in topics:
        Topics(Bus(broker.servers[0])).apply(topic)
    return [topic.name for topic in topics]


def delete(broker: Node, topics: Sequence[str]) -> None:
    """Delete topics."""
    admin = AdminClient({"bootstrap.servers": broker.servers[0]})
    for outcome in admin.delete_topics(list(topics)).values():
        outcome.result(DELETE_TIMEOUT_S)


@dataclass(frozen=True)
class Traffic:
    """What has been written to a topic: records, and bytes in the broker's files (compressed, with their framing)."""

    records: int
    bytes: int

    def __sub__(self, before: "Traffic") -> "Traffic":
        return Traffic(self.records - before.records, self.bytes - before.bytes)


def traffic(broker: Node, topics: Sequence[str]) -> dict[str, Traffic]:
    """Return what has been written to topics so far; it must not be so long ago that the broker deletes it."""
    client = Consumer({"bootstrap.servers": broker.servers[0], "group.id": "bench"})
    found = {}
    try:
        for topic in topics:
            folders = sorted((broker.data / "log").glob(f"{topic}-[0-9]*"))
            folders = [folder for folder in folders if folder.name.removeprefix(topic).lstrip("-").isdigit()]
            size = sum(file.stat().st_size for folder in folders for file in folder.glob("*.log*"))
            records = 0
            for folder in folders:
                partition = TopicPartition(topic, int(folder.name.rpartition("-")[2]))
                records += client.get_watermark_offsets(partition, timeout=5.0)[1]
            found[topic] = Traffic(records, size)
    finally:
        client.close()
    return found
