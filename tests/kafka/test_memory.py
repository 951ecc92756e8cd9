"""What large records cost a reader."""

import re
import select
import subprocess
import sys

import pytest

from local.kafka.node import Node
from shared.bus import Bus, DeclaredTopic, Topics, Writer
from tests.shared.brokers import write
from tests.suite import ROOT
from tests.waiting import wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]
RECORD_MB, RECORDS = 90, 6
# A process of its own, because the peak is that of a process. It reads slowly, so that records wait in its client.
READER = """
import sys, time
from shared.bus import Bus, Reader

def megabytes(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) // 1000 for line in status if line.startswith(name))

with Reader.of_all_partitions(Bus(sys.argv[1]), sys.argv[2], group="memory") as reader:
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


def test_a_reader_holds_three_of_the_largest_records_at_most(kafka: Node) -> None:
    """The one in use, and one in the client's queue with its copy (queued.max.messages.kbytes)."""
    bus, topic = Bus(kafka.servers[0], {"message.timeout.ms": 60_000}), "memory"
    Topics(bus).apply(DeclaredTopic(topic, 4, {"max.message.bytes": "100000000"}))
    command = [sys.executable, "-c", READER, bus.servers, topic]
    with (
        Writer(bus) as writer,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as reader,
    ):
        output = reader.stdout
        assert output is not None
        try:

            def reads() -> bool:
                write(writer, topic, b"hello")
                return bool(select.select([output], [], [], 0.1)[0])

            wait_until(reads, "the reader reads")
            before = megabytes(output.readline().strip())
            for number in range(RECORDS):
                write(writer, topic, bytes(RECORD_MB * 1_000_000), key=f"camera-{number}")
            write(writer, topic, b"end")
            peak = megabytes(output.readline().strip())
        finally:
            reader.kill()

    assert peak - before < 3.3 * RECORD_MB
