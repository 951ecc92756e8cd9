"""`BROKER=apache make run`: a real Kafka as a part of the suite."""

import json
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.kafka.configuration import LISTENERS
from local.kafka.parts import FOLDER, data_folder, java
from shared.bus import Bus, Topics
from shared.topics import read_list
from tests.end_to_end.model_server import NUMBERS, ModelServer
from tests.end_to_end.numbered import write_png
from tests.end_to_end.test_run import Suite, arguments_of, newest
from tests.kafka.test_command import first_port
from tests.suite import LOOPBACK, children_of
from tests.waiting import wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(400)]
SERVICES = ("producer", "consumer", "video")
START_S = 200.0  # 15 s on an idle machine


@pytest.fixture
def port(kafka_jars: Path) -> Iterator[int]:
    """Return a first port; delete its folder afterwards."""
    port = first_port()
    yield port
    shutil.rmtree(data_folder(port), ignore_errors=True)


def java_of(suite: Suite) -> int | None:
    """Return the process id of the broker itself; None if it is not running."""
    return next((pid for pid in children_of(suite.process.pid) if "kafka.Kafka" in arguments_of(pid)), None)


def test_the_suite_runs_on_it_survives_its_death_and_ends_it(port: int, tmp_path: Path) -> None:
    """Topics as declared, a label, the broker killed and restarted under the same services, no process left."""
    still = write_png(tmp_path / "still.png", 7)
    with ModelServer() as models:
        urls = json.dumps({f"imagenet_{NUMBERS}": models.url()})
        with Suite(BROKER="apache", KAFKAFIRSTPORT=str(port), VIDEOLINK=str(still), MODELURLS=urls) as suite:
            suite.says("Live at", within_s=START_S)
            wait_until(lambda: suite.labels().get("camera"), "there is a label")
            admin = Topics(Bus(f"{LOOPBACK}:{port + LISTENERS.index('CONS2')}"))
            wait_until(
                lambda: not any(map(admin.apply, read_list(FOLDER / "topics.toml"))), "the topics are as declared"
            )
            services = {name: suite.part(name) for name in SERVICES}
            broker = java_of(suite)
            assert broker is not None

            before = newest(suite)["seq"]
            os.kill(broker, signal.SIGKILL)
            wait_until(lambda: java_of(suite) not in {None, broker}, "the broker is started again", within_s=START_S)
            wait_until(lambda: newest(suite)["seq"] > before + 100, "the picture continues", within_s=START_S)
            assert {name: suite.part(name) for name in SERVICES} == services
            suite.processes()
            assert suite.ends(signal.SIGINT) == 0
            suite.leaves_nothing()


def test_without_java_one_line_names_it(port: int, tmp_path: Path) -> None:
    """It is printed before anything is started."""
    assert output_of(1, port, JAVA_HOME=str(tmp_path)) == [
        "make run: BROKER=apache: Java 17 is missing; on Debian: apt-get install openjdk-17-jre-headless"
    ]


def test_without_maven_one_line_names_it(port: int, tmp_path: Path) -> None:
    """If the jars have not been downloaded yet; the line before it says that they are being downloaded."""
    home = Path(java()).resolve().parents[1]

    lines = output_of(1, port, JAVA_HOME=str(home), PATH=str(tmp_path), XDG_CACHE_HOME=str(tmp_path))
    assert lines[-1] == "make run: BROKER=apache: Maven is missing; on Debian: apt-get install maven"


def test_a_taken_port_is_one_line(port: int) -> None:
    """It names the port and the variable to change."""
    with socket.create_server((LOOPBACK, port + 1)):
        (line,) = output_of(2, port)

    assert line.startswith(f"make run: KAFKAFIRSTPORT: cannot listen on {LOOPBACK}:{port + 1}")
    assert line.endswith("set KAFKAFIRSTPORT to another")


def output_of(status: int, port: int, **variables: str) -> list[str]:
    """Start the suite, which must end with this status; return its output."""
    with Suite(BROKER="apache", KAFKAFIRSTPORT=str(port), **variables) as suite:
        assert suite.waits() == status, suite.log
        return suite.lines
