"""One real Kafka for all tests here, from the jars, with data of its own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.kafka.configuration import Ports
from local.kafka.node import Node
from local.kafka.parts import INSTALL_JAVA, INSTALL_MAVEN, POM, ZOOKEEPER_POM, PartMissing, are_there, jars, java
from tests.requirements import need

# A young JVM is slow where it counts here, in its first minute: the quick compiler alone serves it better.
QUICK_START = ("-XX:TieredStopAtLevel=1",)


@pytest.fixture(scope="session")
def kafka_jars() -> Path:
    return _jars(POM)


@pytest.fixture(scope="session")
def zookeeper_jars() -> Path:
    """Those of Kafka 3.9, with ZooKeeper."""
    return _jars(ZOOKEEPER_POM)


@pytest.fixture(scope="session")
def kafka(kafka_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node(kafka_jars, tmp_path_factory.mktemp("kafka"), Ports.free(), java_options=QUICK_START) as node:
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
