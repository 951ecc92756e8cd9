from collections.abc import Iterator

import pytest

from shared.bus import Bus, EmbeddedBroker, Writer


@pytest.fixture(scope="module")
def bus() -> Iterator[Bus]:
    broker = EmbeddedBroker()
    yield broker.bus()
    del broker


@pytest.fixture(scope="module")
def writer(bus: Bus) -> Iterator[Writer]:
    with Writer(bus) as writer:
        yield writer
