"""One real Kafka for all tests of this folder, with its own data: from the jars, or in a container."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.kafka.configuration import Ports
from local.kafka.node import Node
from local.kafka.parts import INSTALL_JAVA, INSTALL_MAVEN, POM, ZOOKEEPER_POM, PartMissing, are_there, jars, java
from tests.kafka.container import ContainerNode, image_at_hand
from tests.requirements import need


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
    with Node(jars, tmp_path_factory.mktemp("kafka"), Ports.free()) as node:
        yield node


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
