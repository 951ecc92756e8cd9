"""The embedded broker: librdkafka's mock broker, inside this process."""

from collections.abc import Iterable
from typing import ClassVar

import confluent_kafka

from shared.bus.client import METADATA_TIMEOUT_S, Bus, Properties

LARGEST_MESSAGE_BYTES = 2_000_000  # it acknowledges larger records and loses them


def is_embedded(cluster_id: str | None) -> bool:
    """Return whether a cluster is an embedded broker, by its id (librdkafka, rdkafka_mock.c)."""
    return cluster_id is not None and cluster_id.startswith("mockCluster")


class EmbeddedBroker:
    """librdkafka's own broker, in this process's memory: for one machine and for tests, not for keeping anything.

    It creates topics on first use, keeps 5 MB per partition and silently loses what does not fit.
    """

    PROPERTIES: ClassVar[Properties] = {
        "fetch.wait.max.ms": 5,  # it does not wake a waiting fetch: 6 ms latency instead of 100
        "message.max.bytes": LARGEST_MESSAGE_BYTES,
    }

    def __init__(self) -> None:
        """Start it on a free port of the loopback interface."""
        self._cluster = confluent_kafka.Producer({"bootstrap.servers": "-", "test.mock.num.brokers": 1, "log_level": 2})

    @property
    def servers(self) -> str:
        """Return its address, for the `KAFKAPORT` settings."""
        brokers = self._cluster.list_topics(timeout=METADATA_TIMEOUT_S).brokers.values()
        return ",".join(f"{broker.host}:{broker.port}" for broker in brokers)

    def make_topics(self, topics: Iterable[str]) -> None:
        """Create topics, so that readers need not wait for the first record."""
        for topic in topics:
            self._cluster.list_topics(topic, timeout=METADATA_TIMEOUT_S)

    def bus(self) -> Bus:
        """Return its address and the properties that its clients need."""
        return Bus(self.servers, self.PROPERTIES)
