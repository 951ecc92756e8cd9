"""What large records cost a reader."""

import json
import re
import select
import subprocess
import sys
from queue import SimpleQueue

import pytest

from local.kafka.node import Node
from shared.bus import DeclaredTopic, Delivery, Topics, Writer
from tests.kafka.properties import with_properties
from tests.shared.brokers import write
from tests.suite import ROOT
from tests.waiting import wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]
RECORD_MB, RECORDS, ATTEMPTS = 90, 6, 10
MESSAGE_TIMEOUT_S = 60
# A process of its own, because the peak is that of a process. It reads slowly, so that records wait in its client.
READER = """
import json, sys, time
from shared.bus import Bus, Reader

def megabytes(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) // 1000 for line in status if line.startswith(name))

with Reader.of_all_partitions(Bus(sys.argv[1], json.loads(sys.argv[3])), sys.argv[2], group="memory") as reader:
    while not reader.read(0.2):
        pass
    print("reads with", megabytes("VmRSS"), flush=True)
    ended = False
    while not ended:
        time.sleep(0.5)
        ended = any(record.value == b"end" for record in reader.read(0.2))
    print("peak", megabytes("VmHWM"), flush=True)
"""


def megabytes(line: str) -> int:
    match = re.search(r"\d+$", line)
    assert match is not None, line
    return int(match[0])


def write_until_acknowledged(writer: Writer, topic: str, value: bytes, *, key: str) -> None:
    """Write a record again where the broker, whose heap is 512 MB, gave up the connection; the writer never does so."""
    deliveries: SimpleQueue[Delivery] = SimpleQueue()
    for _ in range(ATTEMPTS):
        writer.send(topic, key=key, value=value, headers=[], on_delivery=deliveries.put)
        if deliveries.get(timeout=MESSAGE_TIMEOUT_S + 10) is Delivery.ACKNOWLEDGED:
            return
    pytest.fail(f"not acknowledged in {ATTEMPTS} attempts")


@pytest.mark.usefixtures("compiled")
def test_a_reader_holds_three_of_the_largest_records_at_most(kafka: Node) -> None:
    """The one in use, and one in the client's queue with its copy (queued.max.messages.kbytes)."""
    bus, topic = with_properties(kafka.bus, {"message.timeout.ms": MESSAGE_TIMEOUT_S * 1000}), "memory"
    Topics(bus).apply(DeclaredTopic(topic, 4, {"max.message.bytes": "100000000"}))
    command = [sys.executable, "-c", READER, bus.servers, topic, json.dumps(dict(kafka.bus.properties))]
    with (
        Writer(bus) as writer,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as reader,
    ):
        output = reader.stdout
        assert output is not None
        try:

            def reads() -> bool:
                # Again where the broker does not lead a partition yet that it has just created.
                write_until_acknowledged(writer, topic, b"hello", key="camera")
                return bool(select.select([output], [], [], 0.1)[0])

            wait_until(reads, "the reader reads")
            before = megabytes(output.readline().strip())
            for number in range(RECORDS):
                write_until_acknowledged(writer, topic, bytes(RECORD_MB * 1_000_000), key=f"camera-{number}")
            write(writer, topic, b"end")
            peak = megabytes(output.readline().strip())
        finally:
            reader.kill()

    assert peak - before < 3.3 * RECORD_MB
