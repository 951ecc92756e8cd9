"""Consumers that share the cameras."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from zlib import crc32

import confluent_kafka
import confluent_kafka.admin
import pytest

from local.kafka.node import Node
from shared.bus import COMMIT_EVERY_S, DeclaredTopic, Reader, Topics, Writer
from tests.conftest import Recovery
from tests.end_to_end.model_server import ModelServer
from tests.end_to_end.numbered import write_png
from tests.kafka.chain import PARTITIONS, KafkaChain, followed
from tests.kafka.properties import of_client, with_properties
from tests.processes import freeze, thaw
from tests.shared.brokers import settle_in
from tests.suite import Service
from tests.waiting import PATIENCE_S, wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]  # a minute of it is the fault itself
# One on each partition, by librdkafka's `consistent_random`: of two consumers each gets two.
CAMERAS = [
    next(name for name in map("camera-{}".format, count()) if crc32(name.encode()) % PARTITIONS == partition)
    for partition in range(PARTITIONS)
]
RATE = 10  # frames a second of each
MOVED_WITHIN_S = 30.0  # the promise is 10 s, of which the session takes 4; the table has what was measured
FROZEN_S = 30.0


@dataclass
class Pair:
    """Two consumers and a producer of four cameras."""

    chain: KafkaChain
    producer: Service
    first: Service
    second: Service
    still: Path

    def shares(self) -> tuple[set[str], set[str]]:
        """Wait until each camera has one consumer and each consumer has cameras; return the cameras of each."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            before = self._out()
            wait_until(lambda of=before: set.union(*self._served(of)) == set(CAMERAS), "all cameras are served")  # type: ignore[misc]
            shares = self._served(before)
            if all(shares) and not set.intersection(*shares):
                return shares
            assert time.monotonic() < deadline, f"not shared: {shares}"

    def all_by(self, consumer: Service) -> float:
        """Wait until one consumer sends the frames of all cameras; return how many seconds it took."""
        began, before = time.monotonic(), out_of(consumer)
        wait_until(lambda: served(before, consumer) == set(CAMERAS), "the cameras have moved", within_s=MOVED_WITHIN_S)
        return time.monotonic() - began

    @contextlib.contextmanager
    def silence(self) -> Iterator[None]:
        """Take the picture away while the block runs: several scrapes agree only while nothing moves."""
        away = self.still.rename(self.still.with_suffix(".away"))
        wait_until(lambda: is_still(lambda: [self.produced(camera) for camera in CAMERAS]), "the producer is still")
        yield
        away.rename(self.still)

    def produced(self, camera: str) -> int:
        return self.producer.books(camera).out

    def _out(self) -> tuple[dict[str, int], dict[str, int]]:
        return out_of(self.first), out_of(self.second)

    def _served(self, before: tuple[Mapping[str, int], Mapping[str, int]]) -> tuple[set[str], set[str]]:
        return served(before[0], self.first), served(before[1], self.second)


@pytest.fixture
def pair(kafka: Node, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Pair]:
    still = write_png(tmp_path / "still.png", 1)
    suffix = f"-group-{request.node.name[-6:]}"
    with ModelServer() as models, KafkaChain(kafka, models, suffix=suffix) as chain:
        producer = chain.produce(
            CAMERAS=json.dumps(dict.fromkeys(CAMERAS, str(still))), FRAMEINTERVAL=f"{1000 // RATE}ms"
        )
        wait_until(lambda: all(out_of(chain.consumer).values()), "the first has all cameras")
        second = chain.another_consumer()
        second.says("partitions assigned")
        yield Pair(chain, producer, chain.consumer, second, still)


def _balances(pair: Pair, camera: str) -> bool:
    return counted(camera, pair.first, pair.second) == pair.produced(camera)


@pytest.mark.fault(
    "a second consumer joins the group", expects="it gets its share; every frame is counted by exactly one consumer"
)
def test_a_new_member_gets_its_share_and_every_frame_is_counted(pair: Pair, recovery: Recovery) -> None:
    """The consumer that gets a partition counts what was written during the change as skipped."""
    began = time.monotonic()
    pair.shares()
    seconds = time.monotonic() - began

    with pair.silence():
        for camera in CAMERAS:
            wait_until(partial(_balances, pair, camera), f"{camera} balances")
    recovery.seen("each camera with one consumer, every frame accounted for", seconds=seconds)


@pytest.mark.fault(
    "one of two consumers killed",
    expects="its cameras move within 10 s; frames between its last commit and the other's start are counted once",
)
def test_cameras_of_a_killed_consumer_move_to_the_other(pair: Pair, recovery: Recovery) -> None:
    """The other one continues to count from its last commit."""
    _, moved = pair.shares()
    before = {camera: counted(camera, pair.first) for camera in moved}
    pair.second.process.kill()
    left = numbers_left(pair.chain)
    seconds = pair.all_by(pair.first)

    with pair.silence():
        for camera in moved:
            last = left[camera]
            wait_until(
                lambda of=camera, last=last: counted(of, pair.first) - before[of] == pair.produced(of) - last,  # type: ignore[misc]
                f"{camera} is counted from {last} on",
            )
    assert pair.first.process.poll() is None
    recovery.seen(f"{len(moved)} cameras moved, every frame after the last commit accounted for", seconds=seconds)


@pytest.mark.fault(
    "one of two consumers frozen (SIGSTOP) for 30 s",
    expects="its cameras move; when it is back it gets its share; every frame is counted by a consumer",
)
def test_a_frozen_consumer_finds_its_cameras_with_the_other(pair: Pair, recovery: Recovery) -> None:
    """Frames that it counted after its last commit are counted again, at most those of the commit interval."""
    pair.shares()
    freeze(pair.second.process.pid)
    try:
        time.sleep(FROZEN_S)  # the fault itself
        pair.all_by(pair.first)
    finally:
        thaw(pair.second.process.pid)
    began = time.monotonic()
    pair.shares()
    seconds = time.monotonic() - began

    twice = {}
    with pair.silence():
        wait_until(
            lambda: is_still(lambda: [counted(camera, pair.first, pair.second) for camera in CAMERAS]), "all is read"
        )
        for camera in CAMERAS:
            twice[camera] = counted(camera, pair.first, pair.second) - pair.produced(camera)
    assert all(0 <= frames <= 1 + 2 * COMMIT_EVERY_S * RATE for frames in twice.values()), twice
    recovery.seen(f"shared again; {sum(twice.values())} frames of 4 cameras counted by both", seconds=seconds)


def test_a_session_that_brokers_do_not_allow_is_made_longer(kafka: Node, caplog: pytest.LogCaptureFixture) -> None:
    """Our brokers allow 2 s, others mostly 6 s."""
    bus, topic = kafka.bus, "short-session"
    Topics(bus).apply(DeclaredTopic(topic, 1, {}))
    short = with_properties(bus, {"session.timeout.ms": 1000, "heartbeat.interval.ms": 300})
    with Writer(bus) as writer, Reader.in_group(short, topic, group=topic) as reader:
        settle_in(reader, writer, topic)

    assert [(record.levelname, record.__dict__["uses"]) for record in caplog.records if "allow" in record.msg] == [
        ("WARNING", 6.0)
    ]


def served(before: Mapping[str, int], consumer: Service) -> set[str]:
    """Return the cameras of which a consumer has sent more frames than before."""
    now = out_of(consumer)
    return {camera for camera, out in before.items() if now[camera] > out}


def out_of(consumer: Service) -> dict[str, int]:
    """Return how many frames of each camera have left a consumer."""
    metrics = consumer.metrics()
    return {
        camera: int(metrics.get((f"{consumer.name}_frames_out_total", f"camera={camera}"), 0)) for camera in CAMERAS
    }


def counted(camera: str, *consumers: Service) -> int:
    """Return how many of the producer's frames these consumers account for."""
    return sum(followed(consumer.books(camera)) for consumer in consumers)


def is_still(value: Callable[[], object]) -> bool:
    """Return whether a value stays the same for a second."""
    before = value()
    time.sleep(1)
    return value() == before


def numbers_left(chain: KafkaChain) -> dict[str, int]:
    """Return the number of each camera's last frame according to the group's commits."""
    admin = confluent_kafka.admin.AdminClient(of_client(chain.bus))
    ask = [confluent_kafka.ConsumerGroupTopicPartitions(chain.group)]
    answer = admin.list_consumer_group_offsets(ask)[chain.group].result(PATIENCE_S)
    notes = [json.loads(place.metadata.partition(" ")[2]) for place in answer.topic_partitions]
    return {camera: number for note in notes for camera, (_, number) in note.items()}
