"""Records that a real broker does not take: it refuses them, or closes the connection."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from local.kafka.configuration import LISTENERS, Ports, read
from local.kafka.configuration import write as write_properties
from local.kafka.node import Node
from shared.bus import Bus, DeclaredTopic, Delivery, Limit, MessageTooLarge, Topics, Writer
from tests.kafka.properties import with_properties
from tests.kafka.strict_proxy import StrictProxy
from tests.shared.brokers import write
from tests.suite import LOOPBACK
from tests.waiting import becomes_true, wait_until

pytestmark = pytest.mark.kafka
DEFAULT_LIMIT = 1_048_588  # `message.max.bytes` of a broker that is not configured
REQUEST_LIMIT = 3_000_000
PROD1 = LISTENERS.index("PROD1")
PATIENT = {"message.timeout.ms": 30_000}  # a busy broker may need more than a second for 3 MB


class StrictNode(Node):
    """A broker that closes the connection on requests above REQUEST_LIMIT, and is also reached through a proxy.

    Clients of the listener PROD1 reach it through the proxy only.
    """

    def __init__(self, jars: Path, data: Path, proxy: StrictProxy) -> None:
        super().__init__(jars, data, Ports.free())
        self.proxy = proxy
        proxy.broker_port = self.ports.listeners[PROD1]

    def _prepare(self) -> list[str]:
        command = super()._prepare()
        path = self.data / "server.properties"
        advertised = read(path)["advertised.listeners"].replace(
            f":{self.ports.listeners[PROD1]}", f":{self.proxy.port}"
        )
        limits = {"socket.request.max.bytes": str(REQUEST_LIMIT), "advertised.listeners": advertised}
        write_properties(path, {**read(path), **limits})
        return command


@pytest.fixture(scope="module")
def strict(kafka_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StrictNode]:
    with (
        closing(StrictProxy(most_bytes=REQUEST_LIMIT // 2)) as proxy,
        StrictNode(kafka_jars, tmp_path_factory.mktemp("strict"), proxy) as node,
    ):
        yield node


def deliver(writer: Writer, topic: str, size_bytes: int) -> Delivery:
    """Return what became of a record, once it is known."""
    deliveries: list[Delivery] = []
    writer.send(topic, key="camera", value=bytes(size_bytes), headers=[], on_delivery=deliveries.append)
    wait_until(lambda: deliveries, "the delivery report")
    return deliveries[0]


def refuses(writer: Writer, topic: str, size_bytes: int) -> bool:
    """Send a record; return whether it is refused without asking a broker."""
    try:
        deliver(writer, topic, size_bytes)
    except MessageTooLarge:
        return True
    return False


def takes(writer: Writer, topic: str, size_bytes: int) -> bool:
    """Send a record; return whether a broker takes it."""
    try:
        return deliver(writer, topic, size_bytes) is Delivery.ACKNOWLEDGED
    except MessageTooLarge:
        return False


def test_the_limit_of_a_topic_is_learned_from_the_first_refusal(kafka: Node) -> None:
    """Larger records are not sent any more; smaller ones are."""
    bus, topic = with_properties(kafka.bus, PATIENT), "limited"
    Topics(bus).apply(DeclaredTopic(topic, 1, {"max.message.bytes": str(DEFAULT_LIMIT)}))
    with Writer(bus) as writer:
        write(writer, topic, b"small")
        assert writer.limit(topic, 2_000_000) is None

        assert deliver(writer, topic, 2_000_000) is Delivery.TOO_LARGE
        wait_until(lambda: writer.limit(topic, 2_000_000), "the limit is known")

        assert writer.limit(topic, 2_000_000) == Limit(DEFAULT_LIMIT, f"max.message.bytes of the topic {topic}")
        with pytest.raises(MessageTooLarge):
            deliver(writer, topic, DEFAULT_LIMIT)
        write(writer, topic, bytes(DEFAULT_LIMIT - 200))


@pytest.mark.timeout(200)
def test_a_limit_that_is_raised_is_noticed(kafka: Node) -> None:
    """One record is sent now and then to see."""
    bus, topic = with_properties(kafka.bus, PATIENT), "raised"
    Topics(bus).apply(DeclaredTopic(topic, 1, {"max.message.bytes": str(DEFAULT_LIMIT)}))
    with Writer(bus) as writer:
        assert deliver(writer, topic, 2_000_000) is Delivery.TOO_LARGE
        wait_until(lambda: refuses(writer, topic, 2_000_000), "it is refused")
        Topics(bus).apply(DeclaredTopic(topic, 1, {"max.message.bytes": "5000000"}))

        # A broker that is slow to apply the new limit refuses the first record that is sent to see.
        wait_until(lambda: takes(writer, topic, 2_000_000), "it is taken")
        wait_until(lambda: takes(writer, topic, 3_000_000), "a larger one is taken")


def test_a_connection_that_is_closed_on_large_requests_is_a_limit(strict: StrictNode) -> None:
    """librdkafka reports it as a transport failure or a time-out, like an outage."""
    bus, topic = Bus(strict.servers[0]), "closed"
    Topics(bus).apply(DeclaredTopic(topic, 1, {}))
    with Writer(bus) as writer:
        write(writer, topic, b"small", bytes(2_000_000))

        assert deliver(writer, topic, 3_500_000) is Delivery.UNCONFIRMED
        wait_until(lambda: refuses(writer, topic, 3_500_000), "it is refused")

        assert writer.limit(topic, 3_500_000) == Limit(REQUEST_LIMIT, "socket.request.max.bytes of the brokers")
        write(writer, topic, bytes(2_000_000))


def test_a_limit_that_the_brokers_do_not_tell_is_found_by_repetition(strict: StrictNode) -> None:
    """The third large record in a row that is not answered, by brokers that answer otherwise, is not bad luck."""
    topic, size_bytes = "untold", 2_000_000
    Topics(Bus(strict.servers[0])).apply(DeclaredTopic(topic, 1, {}))
    with Writer(Bus(f"{LOOPBACK}:{strict.proxy.port}")) as writer:
        write(writer, topic, b"small", bytes(1_200_000))

        wait_until(lambda: refuses(writer, topic, size_bytes), "it is refused")

        assert writer.limit(topic, size_bytes) == Limit(None, "the largest request that the brokers accept")
        write(writer, topic, bytes(1_200_000))


def test_an_outage_is_not_taken_for_a_limit(kafka: Node) -> None:
    """Large records that are not confirmed say nothing when the brokers' configuration allows them."""
    bus, topic = with_properties(kafka.bus, {"message.timeout.ms": 1}), "allowed"
    Topics(bus).apply(DeclaredTopic(topic, 1, {}))
    with Writer(bus) as writer:
        timed_out = [deliver(writer, topic, 20_000_000) for _ in range(5)]
        while Delivery.UNCONFIRMED not in timed_out and len(timed_out) < 50:  # a fast machine delivers some in time
            timed_out.append(deliver(writer, topic, 20_000_000))
        limited = becomes_true(lambda: writer.limit(topic, 20_000_000), within_s=5.0)

    assert Delivery.UNCONFIRMED in timed_out
    assert not limited
