"""One real Kafka for all tests of this folder, with its own data: from the jars, or in a container.

With BUS=secured it is one with TLS, passwords and rules, each service is its own user, and the tests that start brokers
of their own are left out.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.kafka.configuration import Ports
from local.kafka.node import Node
from local.kafka.parts import INSTALL_JAVA, INSTALL_MAVEN, POM, ZOOKEEPER_POM, PartMissing, are_there, jars, java
from shared.bus import DeclaredTopic, Topics, Writer
from tests.kafka.container import ContainerNode, image_at_hand
from tests.kafka.properties import with_properties
from tests.kafka.secured import Credentials, SecuredNode, make_users, of_every_suffix
from tests.requirements import need
from tests.shared.brokers import write

HERE = Path(__file__).parent
SECURED = os.environ.get("BUS") == "secured"
WARM_UP_BYTES, WARM_UP_RECORDS = 4_000_000, 30


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what is not about the broker of all."""
    for item in items if SECURED else ():
        if "kafka" not in getattr(item, "fixturenames", ()) and item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.skip(reason="starts a broker of its own, which is not the secured one"))


@pytest.fixture(scope="session")
def kafka_jars() -> Path:
    return _jars(POM)


@pytest.fixture(scope="session")
def zookeeper_jars() -> Path:
    """Return the jars of Kafka 3.9, with ZooKeeper."""
    return _jars(ZOOKEEPER_POM)


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node | ContainerNode]:
    """Run the broker from the jars, or in a container of the image that KAFKA_IMAGE names."""
    if image := os.environ.get("KAFKA_IMAGE"):
        with ContainerNode(image_at_hand(image), Ports.free()) as container:
            yield container
        return
    jars = request.getfixturevalue("kafka_jars")
    if SECURED:
        credentials = Credentials.make(tmp_path_factory.mktemp("credentials"))
        with credentials.node(jars, tmp_path_factory.mktemp("kafka")) as secured:
            make_users(secured, credentials, of_every_suffix(tmp_path_factory.mktemp("users") / "users.toml"))
            yield secured
        return
    with Node(jars, tmp_path_factory.mktemp("kafka"), Ports.free()) as node:
        yield node


@pytest.fixture(scope="session")
def compiled(kafka: Node | ContainerNode) -> None:
    """Write until Java has compiled its encryption, if the bus is secured: before, 90 MB take 10 s."""
    if not isinstance(kafka, SecuredNode):
        return
    topic = "warm-up"
    Topics(kafka.bus).apply(DeclaredTopic(topic, 1, {"max.message.bytes": str(2 * WARM_UP_BYTES)}))
    with Writer(with_properties(kafka.bus, {"message.timeout.ms": 60_000})) as writer:
        for _ in range(WARM_UP_RECORDS):
            write(writer, topic, bytes(WARM_UP_BYTES))


def _jars(pom: Path) -> Path:
    need("Java 17", present=_has_java(), install=INSTALL_JAVA)
    need("Maven", present=are_there(pom) or shutil.which("mvn") is not None, install=INSTALL_MAVEN)
    return jars(pom=pom)


def _has_java() -> bool:
    try:
        java()
    except PartMissing:
        return False
    return True
