"""The services in a row on a real Kafka, on topics of their own."""

import json
from typing import Protocol, Self

from local.kafka.configuration import LISTENERS
from local.kafka.parts import FOLDER
from shared.bus import Bus, DeclaredTopic, Topics
from shared.topics import read_list
from tests.end_to_end.chain import TOPICS, Chain
from tests.end_to_end.model_server import NUMBERS, ModelServer
from tests.kafka.secured import kafkaconfig
from tests.suite import Books, Service

STATUS = "videostatus"
MODEL = f"imagenet_{NUMBERS}"
PARTITIONS = 4  # no more than the tests need: each one is a folder and a fetch


class Brokers(Protocol):
    """One broker, several, or a container."""

    @property
    def servers(self) -> tuple[str, ...]:
        """Return the addresses of each of the five listeners."""

    @property
    def bus(self) -> Bus:
        """Return the first listener, as those who administer it reach it."""


class KafkaChain(Chain):
    """Consumer and video on a real Kafka, each at its own of the original's listeners; producers come and go."""

    def __init__(self, node: Brokers, models: ModelServer, *, suffix: str, **consumer: str) -> None:
        """Prepare.

        Args:
            node: the broker or the brokers.
            models: the model server of the consumer.
            suffix: of the names of all topics and of the group.
            consumer: additional settings of the consumer.
        """
        urls = json.dumps({MODEL: models.url()})
        super().__init__(node.bus, suffix=suffix, **{"MODELURLS": urls, **consumer})
        self.node = node
        self.topics = {topic.name.removesuffix(suffix): topic for topic in _declared(suffix)}

    @property
    def group(self) -> str:
        """Return the name of the consumers' group."""
        return f"goconsumer{self._suffix}"

    def declare(self, *names: str) -> None:
        """Create topics as kafka/topics.toml declares them, with fewer partitions; all of them if none is named."""
        admin = Topics(self.bus)
        for name in names or self.topics:
            admin.apply(self.topics[name])

    def start(self, name: str, **settings: str) -> Service:
        """Start a service as its user, which ends with the chain."""
        listeners = dict(zip(LISTENERS, self.node.servers, strict=True))
        own = {
            "KAFKACONFIG": json.dumps(kafkaconfig(self.node, name)),
            "KAFKAPORT": listeners["PROD1" if name == "producer" else "CONS2"],
            "KAFKAPORTIN": listeners["CONS1"],
            "KAFKAPORTOUT": listeners["PROD2"],
        }
        return super().start(name, **{**own, **settings})

    def another_consumer(self) -> Service:
        """Start a replica of the consumer."""
        topics = {variable: self.topic(name) for name, variable in TOPICS.items()}
        return self.start("consumer", **topics, GROUPNAME=self.group, **self._consumer_settings)

    def __enter__(self) -> Self:
        """Create the topics, start consumer and video, and wait until both read from the bus."""
        self.declare()
        return super().__enter__()


def settled(producer: Service, consumer: Service, video: Service, camera: str) -> bool:
    """Return whether everything that was written was read or is known to be lost, and every stage's ledger balances."""
    first, second, third = (service.books(camera) for service in (producer, consumer, video))
    return all(
        (
            first.balance and second.balance and third.balance,
            first.out == followed(second),
            second.out == followed(third),
        )
    )


def followed(books: Books) -> int:
    """Return how many frames of the previous stage are accounted for: those that arrived and those known to be lost.

    Records that are not frames do not come from that stage.
    """
    return books.arrived - books.dropped.get("undecodable", 0) + books.lost_upstream


def _declared(suffix: str) -> list[DeclaredTopic]:
    return [
        DeclaredTopic(topic.name + suffix, min(topic.partitions, PARTITIONS), topic.config)
        for topic in read_list(FOLDER / "topics.toml")
    ]
