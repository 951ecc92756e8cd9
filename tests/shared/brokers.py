"""The embedded broker in its own process, so that tests can freeze and kill it."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.bus import Bus, Delivery, EmbeddedBroker, Reader, Record, Writer
from tests.processes import freeze, thaw
from tests.waiting import PATIENCE_S, wait_until

_PROGRAM = """
import sys
from shared.bus import EmbeddedBroker
broker = EmbeddedBroker()
print(broker.servers, flush=True)
sys.stdin.read()
"""


class BrokerProcess:
    """An embedded broker that can fail in the ways in which brokers fail."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.bus = Bus(self._process.stdout.readline().strip(), EmbeddedBroker.PROPERTIES)

    def freeze(self) -> None:
        freeze(self._process.pid)

    def thaw(self) -> None:
        thaw(self._process.pid)

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def broker_process() -> Iterator[BrokerProcess]:
    broker = BrokerProcess()
    try:
        yield broker
    finally:
        broker.kill()


def write(writer: Writer, topic: str, *values: bytes, key: str = "camera") -> None:
    """Write records in order; return when all are acknowledged."""
    deliveries: list[Delivery] = []
    for value in values:
        writer.send(topic, key=key, value=value, headers=[], on_delivery=deliveries.append)
    wait_until(lambda: len(deliveries) == len(values), "acknowledgements")
    assert set(deliveries) == {Delivery.ACKNOWLEDGED}


def read_until(reader: Reader, enough: Callable[[list[Record]], bool]) -> list[Record]:
    """Return what the reader returns until it is enough."""
    deadline = time.monotonic() + PATIENCE_S
    records: list[Record] = []
    while not enough(records):
        assert time.monotonic() < deadline, f"only {len(records)} records came"
        records += reader.read(0.05)
    return records


def settle_in(reader: Reader, writer: Writer, topic: str, key: str = "camera") -> None:
    """Write until the reader has started at the end of the key's partition and has read everything that was written."""
    last = -1
    for number in range(1000):
        last = number
        write(writer, topic, b"hello %d" % number, key=key)
        if any(record.value and record.value.startswith(b"hello") for record in reader.read(0.05)):
            break
    marker = b"ready %d" % last
    write(writer, topic, marker, key=key)
    read_until(reader, lambda records: any(record.value == marker for record in records))


def values(records: list[Record]) -> list[bytes | None]:
    return [record.value for record in records]
