"""The original's form, Kafka 3.9 with ZooKeeper: the same services and topics, a labelled frame at the client."""

import json
import os
import signal
from functools import partial
from pathlib import Path

import pytest

from local.kafka.configuration import Ports
from local.kafka.node import Node
from local.kafka.zookeeper import ZooKeeper
from shared.bus import Bus, Topics
from tests.end_to_end.model_server import PROBABILITY, ModelServer
from tests.end_to_end.numbered import read_number, write_png
from tests.kafka.chain import MODEL, KafkaChain
from tests.kafka.faults import Viewer
from tests.kafka.test_command import first_port
from tests.suite import LOOPBACK, Program, children_of, use_of
from tests.waiting import wait_until

pytestmark = pytest.mark.kafka
NUMBER = 39


def test_a_labelled_frame_comes_to_the_client(zookeeper_jars: Path, tmp_path: Path) -> None:
    """All three services work unchanged at the original's five listeners, with our frames and with raw JSON."""
    still = write_png(tmp_path / "still.png", NUMBER)
    ports = Ports.free()
    with (
        ModelServer() as models,
        ZooKeeper(zookeeper_jars, tmp_path / "zookeeper", ports.controller) as zookeeper,
        Node(zookeeper_jars, tmp_path / "kafka", ports, zookeeper=zookeeper.address) as kafka,
        KafkaChain(kafka, models, suffix="-zookeeper") as chain,
    ):
        chain.produce(CAMERAS=json.dumps({"ours": str(still)}))
        chain.produce(CAMERAS=json.dumps({"raw": str(still)}), FRAMEFORMAT="json", FRAMEINTERVAL="250ms")
        for camera in ("ours", "raw"):
            wait_until(partial(_label, chain, camera), f"{camera} is labelled")
            with Viewer(chain.port, camera) as viewer:
                wait_until(partial(getattr, viewer, "newest"), f"a picture of {camera}")
                assert viewer.newest is not None
                assert read_number(viewer.newest.picture) == NUMBER
            assert chain.predictions(camera)[MODEL]["probability"] == pytest.approx(PROBABILITY, abs=0.01)
            assert chain.consumer.books(camera).balance


def _label(chain: KafkaChain, camera: str) -> object:
    return chain.predictions(camera).get(MODEL, {}).get("label")


def test_the_command_starts_it_and_ends_it(zookeeper_jars: Path, tmp_path: Path) -> None:
    """ZooKeeper starts before the broker, and neither outlives the command, whatever ends it."""
    port = first_port()
    command = ("--zookeeper", "--first-port", str(port), "--data", str(tmp_path / "data"))
    with Program("local.kafka", *command) as first:
        first.says(f"BROKER={LOOPBACK}:{port + 1} make run")
        assert first.said("Kafka 3.9")
        assert Topics(Bus(f"{LOOPBACK}:{port + 4}")).broker_answers(5)
        programs = children_of(first.process.pid)
        assert len(programs) == 2
        assert first.ends() == 0
        wait_until(lambda: not any(map(use_of, programs)), "both have ended")
    with Program("local.kafka", *command) as second:
        second.says("topic videocam: as declared")
        programs = children_of(second.process.pid)
        os.kill(second.process.pid, signal.SIGKILL)
        wait_until(lambda: not any(map(use_of, programs)), "both have ended with the process that started them")
