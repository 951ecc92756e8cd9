"""`python -m local.kafka`, which is `make kafka`."""

import os
import random
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local.kafka.configuration import LISTENERS
from shared.bus import Bus, Topics
from tests.suite import LOOPBACK, Program, children_of, use_of
from tests.waiting import wait_until

pytestmark = pytest.mark.kafka
BELOW_EPHEMERAL = (20_000, 32_000)  # Linux gives connections ports from 32768 on


def first_port() -> int:
    """Return a port with six free ones around it, none of which a connection of this machine can take."""
    while True:
        port = random.randint(*BELOW_EPHEMERAL)
        try:
            for number in range(port - 1, port + len(LISTENERS)):
                socket.create_server((LOOPBACK, number)).close()
        except OSError:
            continue
        return port


def test_it_starts_prints_its_address_and_ends_in_order(kafka_jars: Path, tmp_path: Path) -> None:
    """The topics are created, SIGTERM ends it with status 0, and the next start uses its data."""
    port = first_port()
    command = ("--first-port", str(port), "--data", str(tmp_path / "data"))
    with Program("local.kafka", *command) as first:
        first.says(f"BROKER={LOOPBACK}:{port + 1} make run")
        assert Topics(Bus(f"{LOOPBACK}:{port + 4}")).broker_answers(5)
        (java,) = children_of(first.process.pid)
        assert first.ends() == 0
        wait_until(lambda: use_of(java) is None, "Java has ended")
    with Program("local.kafka", *command) as second:
        second.says("topic videocam: as declared")
        (java,) = children_of(second.process.pid)
        os.kill(second.process.pid, signal.SIGKILL)
        wait_until(lambda: use_of(java) is None, "the broker has ended with the process that started it")

    assert re.search(r"topic videocam: created with 12 partitions", first.log)


def test_a_taken_port_is_one_line(kafka_jars: Path, tmp_path: Path) -> None:
    """The line names the port, and nothing is started."""
    port = first_port()
    with socket.create_server((LOOPBACK, port + 2)):
        command = [sys.executable, "-m", "local.kafka", "--first-port", str(port), "--data", str(tmp_path / "data")]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert f"{LOOPBACK}:{port + 2}" in done.stderr
    assert not (tmp_path / "data").exists()
