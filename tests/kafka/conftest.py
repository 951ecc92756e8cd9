"""One real Kafka for all tests here, from the jars, with data of its own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.kafka.node import Node, Ports
from local.kafka.parts import INSTALL_JAVA, INSTALL_MAVEN, PartMissing, cache_folder, is_complete, jars, java, version
from tests.requirements import need

# A young JVM is slow where it counts here, in its first minute: the quick compiler alone serves it better.
QUICK_START = ("-XX:TieredStopAtLevel=1",)


@pytest.fixture(scope="session")
def kafka_jars() -> Path:
    need("Java 17", present=_has_java(), install=INSTALL_JAVA)
    there = is_complete(cache_folder() / version()) or shutil.which("mvn") is not None
    need("Maven", present=there, install=INSTALL_MAVEN)
    return jars()


@pytest.fixture(scope="session")
def kafka(kafka_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node(kafka_jars, tmp_path_factory.mktemp("kafka"), Ports.free(), java_options=QUICK_START) as node:
        yield node


def _has_java() -> bool:
    try:
        java()
    except PartMissing:
        return False
    return True
