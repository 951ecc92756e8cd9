"""Consumers that share the cameras."""

import json
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from local.kafka.node import Node
from tests.end_to_end.model_server import ModelServer
from tests.end_to_end.numbered import write_png
from tests.kafka.chain import KafkaChain
from tests.kafka.faults import Table
from tests.suite import Service, until

pytestmark = pytest.mark.kafka
CAMERAS = [f"camera-{number}" for number in range(8)]  # on four partitions: both consumers get some
MOVED_WITHIN_S = 30.0  # promised are 10 s, of which 6 are the session's; the table has what was seen


def served(before: Mapping[str, int], consumer: Service) -> set[str]:
    """Return the cameras of which a consumer has sent more than before."""
    return {camera for camera, out in before.items() if consumer.books(camera).out > out}


def counted(consumer: Service) -> dict[str, int]:
    return {camera: consumer.books(camera).out for camera in CAMERAS}


def test_cameras_of_a_killed_consumer_move_to_the_other(kafka: Node, tmp_path: Path, table: Table) -> None:
    """Two consumers share the cameras; when one is killed, the other has all of them within 10 s."""
    still = write_png(tmp_path / "still.png", 1)
    with ModelServer() as models, KafkaChain(kafka, models, suffix="-group") as chain:
        chain.produce(CAMERAS=json.dumps(dict.fromkeys(CAMERAS, str(still))), FRAMEINTERVAL="100ms")
        first, second = chain.consumer, chain.another_consumer()
        second.says("partitions assigned")
        before = counted(first), counted(second)
        until(lambda: served(before[0], first) | served(before[1], second) == set(CAMERAS), "all cameras are served")
        # What the first had before the second came is over: from now on each camera has one consumer.
        before = counted(first), counted(second)
        until(lambda: served(before[0], first) | served(before[1], second) == set(CAMERAS), "all cameras are shared")
        shared = served(before[0], first), served(before[1], second)

        second.process.send_signal(signal.SIGKILL)
        killed_at = time.monotonic()
        before_move = counted(first)
        until(lambda: served(before_move, first) == set(CAMERAS), "the cameras have moved", within_s=MOVED_WITHIN_S)
        table.append({"fault": "one of two consumers killed", "seconds": round(time.monotonic() - killed_at, 2)})

        assert shared[0]
        assert shared[1]
        assert not shared[0] & shared[1]
        assert all(chain.consumer.books(camera).balance for camera in CAMERAS)
