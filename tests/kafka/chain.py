"""The services in a row on a real Kafka, on topics of their own."""

import json
from typing import Self

from local.kafka.configuration import LISTENERS
from local.kafka.node import Node
from local.kafka.parts import FOLDER
from shared.bus import Bus, DeclaredTopic, Topics
from shared.topics import read_list
from tests.end_to_end.chain import TOPICS, Chain
from tests.end_to_end.model_server import NUMBERS, ModelServer
from tests.suite import Books, Service

STATUS = "videostatus"
MODEL = f"imagenet_{NUMBERS}"
PARTITIONS = 4  # as many as the tests need: each is a folder and a fetch


class KafkaChain(Chain):
    """Consumer and video on a real Kafka, each at its own listener of the original's; producers come and go."""

    def __init__(self, node: Node, models: ModelServer, *, suffix: str, **consumer: str) -> None:
        """Prepare.

        Args:
            node: the broker.
            models: that the consumer asks.
            suffix: of the names of all topics and of the group.
            consumer: further settings of the consumer.
        """
        urls = json.dumps({MODEL: models.url()})
        super().__init__(Bus(node.servers[0]), suffix=suffix, **{"MODELURLS": urls, **consumer})
        self.node = node
        self.topics = {topic.name.removesuffix(suffix): topic for topic in _declared(suffix)}

    @property
    def group(self) -> str:
        """Return the name of the consumers' group."""
        return f"goconsumer{self._suffix}"

    def declare(self, *names: str) -> None:
        """Create topics as kafka/topics.toml wants them, with fewer partitions; all when none is named."""
        admin = Topics(self.bus)
        for name in names or self.topics:
            admin.apply(self.topics[name])

    def start(self, name: str, **settings: str) -> Service:
        """Start a service, which ends with the chain."""
        listeners = dict(zip(LISTENERS, self.node.servers, strict=True))
        own = {
            "KAFKACONFIG": "{}",
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
    """Tell whether all that was written was read, or is known to be lost, and the books of every stage balance."""
    first, second, third = (service.books(camera) for service in (producer, consumer, video))
    return all(
        (
            first.balance and second.balance and third.balance,
            first.out == followed(second),
            second.out == followed(third),
        )
    )


def followed(books: Books) -> int:
    """Return how many frames of the stage before are in the books: those that came, and those that are known lost.

    Records that are no frames are not from that stage.
    """
    return books.arrived - books.dropped.get("undecodable", 0) + books.lost_upstream


def _declared(suffix: str) -> list[DeclaredTopic]:
    return [
        DeclaredTopic(topic.name + suffix, min(topic.partitions, PARTITIONS), topic.config)
        for topic in read_list(FOLDER / "topics.toml")
    ]
