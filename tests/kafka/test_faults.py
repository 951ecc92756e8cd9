"""One suite that lives through every fault of the bus: its services never exit, and each time it is live again.

The tests share the suite on purpose: what one fault leaves behind, the next would find.
"""

import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import confluent_kafka.admin
import pytest

from local.kafka.node import Node
from shared.broker import Bus, Delivery, Writer
from tests.end_to_end.model_server import ModelServer
from tests.end_to_end.numbered import write_video
from tests.kafka.chain import KafkaChain, settled
from tests.kafka.faults import LIVE_AGAIN_S, Table, Viewer
from tests.suite import PATIENCE_S, Service, until

pytestmark = pytest.mark.kafka
CAMERA = "film"
FROZEN_S = 10.0


@dataclass
class Live:
    """A suite at 25 frames a second, and somebody who watches."""

    chain: KafkaChain
    producer: Service
    viewer: Viewer
    table: Table

    @property
    def services(self) -> tuple[Service, Service, Service]:
        return self.producer, self.chain.consumer, self.chain.video

    def is_live_again(self, fault: str) -> None:
        """The fault has just ended: a picture captured from now on is seen in time, and nobody has exited."""
        seconds = self.viewer.sees_something_newer(within_s=LIVE_AGAIN_S)

        self.table.append({"fault": fault, "seconds": round(seconds, 2)})
        assert [service.process.poll() for service in self.services] == [None, None, None]
        assert self.viewer.watches
        for service in self.services:
            assert service.books(CAMERA).balance
            assert not service.said("a loop crashed"), service.log

    def remains_live(self) -> None:
        """Nothing stays behind: a second later another new picture comes."""
        self.viewer.sees_something_newer(within_s=LIVE_AGAIN_S)


@pytest.fixture(scope="module")
def suite(kafka: Node, tmp_path_factory: pytest.TempPathFactory, table: Table) -> Iterator[Live]:
    film = write_video(tmp_path_factory.mktemp("film") / "film.mkv", 50)
    with ModelServer() as models, KafkaChain(kafka, models, suffix="-faults") as chain:
        producer = chain.produce(CAMERAS=json.dumps({CAMERA: str(film)}))
        until(lambda: chain.ask(f"/cameras/{CAMERA}/predictions"), "a first frame")
        with Viewer(chain.port, CAMERA) as viewer:
            yield Live(chain, producer, viewer, table)


@pytest.fixture
def live(suite: Live) -> Live:
    """The suite, live at the moment."""
    suite.viewer.sees_something_newer(within_s=20)
    return suite


def test_a_killed_and_restarted_broker_is_survived(live: Live, kafka: Node) -> None:
    """SIGKILL, a while without a broker, a start with the same data."""
    kafka.kill()
    until(lambda: "broker_unavailable" in live.producer.books(CAMERA).dropped, "the producer drops frames")
    kafka.start()
    kafka.wait_until_ready()

    live.is_live_again("broker killed, restarted")
    live.remains_live()


def test_a_frozen_broker_is_survived(live: Live, kafka: Node) -> None:
    """SIGSTOP for longer than sessions and requests last."""
    dropped = live.producer.books(CAMERA).dropped.get("broker_unavailable", 0)
    os.kill(kafka.pid, signal.SIGSTOP)
    try:
        time.sleep(FROZEN_S)  # the fault itself
    finally:
        os.kill(kafka.pid, signal.SIGCONT)
    kafka.wait_until_ready()

    live.is_live_again(f"broker frozen for {FROZEN_S:.0f} s")
    assert live.producer.books(CAMERA).dropped["broker_unavailable"] > dropped


@pytest.mark.parametrize("topic", ["videocam", "videodisplay", "videostatus"])
def test_a_topic_that_is_deleted_and_created_anew_is_read_again(live: Live, topic: str) -> None:
    """Offsets start anew; readers and writers find the new topic by themselves."""
    _delete(live.chain.bus, live.chain.topic(topic))
    time.sleep(3)  # longer than metadata lasts: all have seen that it is gone
    live.chain.declare(topic)

    live.is_live_again(f"{topic} deleted, created anew")
    live.remains_live()


JPEG = ("content-type", b"image/jpeg")


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (b"", []),
        (b"", [JPEG]),
        (b"\xff\xd8\xff\xe0truncated", [JPEG]),
        (b'{"mat": "AAAA"', []),
        (bytes(90_000_000), []),
        (bytes(90_000_000), [JPEG]),
        (b"hello", [("content-type", b"text/plain")]),
    ],
    ids=["empty", "empty JPEG", "truncated JPEG", "truncated JSON", "90 MB", "90 MB JPEG", "text"],
)
def test_a_record_that_is_no_frame_is_counted(
    live: Live, value: bytes, headers: list[tuple[str, bytes]], request: pytest.FixtureRequest
) -> None:
    """It ends as `undecodable`, and the camera's frames behind it on the same partition come through."""
    before = live.chain.consumer.books(CAMERA).dropped.get("undecodable", 0)
    _write(live.chain, CAMERA, value, headers)

    live.is_live_again(f"a record: {request.node.callspec.id}")
    until(lambda: live.chain.consumer.books(CAMERA).dropped.get("undecodable", 0) == before + 1, "it is counted")


@pytest.mark.parametrize("paused", ["consumer", "video"])
def test_a_paused_reader_goes_on_with_the_newest_frame(live: Live, paused: str) -> None:
    """What came in the meantime is not played back but counted as skipped."""
    service = live.chain.consumer if paused == "consumer" else live.chain.video
    skipped = service.books(CAMERA).dropped.get("skipped", 0)
    service.process.send_signal(signal.SIGSTOP)
    try:
        time.sleep(4)  # the fault itself: 100 frames; short of the group's session
    finally:
        service.process.send_signal(signal.SIGCONT)

    live.is_live_again(f"{paused} paused for 4 s")
    until(lambda: service.books(CAMERA).dropped.get("skipped", 0) > skipped, "frames are counted as skipped")


def test_a_topic_that_comes_late_is_found(kafka: Node, tmp_path: Path, table: Table) -> None:
    """Services that start without any topic go on once there are some."""
    film = write_video(tmp_path / "film.mkv", 50)
    with ModelServer() as models, LateChain(kafka, models, suffix="-late") as chain:
        producer = chain.produce(CAMERAS=json.dumps({CAMERA: str(film)}))
        until(lambda: producer.books(CAMERA).arrived, "the producer has seen frames")
        services = (producer, chain.consumer, chain.video)
        until(lambda: all(service.metrics() for service in services), "all have started")
        time.sleep(2)  # the fault itself
        chain.declare()
        began = time.monotonic()
        until(lambda: chain.video.books(CAMERA).out, "video shows frames", within_s=2 * LIVE_AGAIN_S)
        table.append({"fault": "topics missing at start", "seconds": round(time.monotonic() - began, 2)})

        assert [service.process.poll() for service in services] == [None, None, None]


def test_at_the_end_every_frame_is_accounted_for(kafka: Node, tmp_path: Path, table: Table) -> None:
    """producer.out = consumer.in + lost_upstream after a pause of the consumer: skipped frames are in the books."""
    film = write_video(tmp_path / "film.mkv", 250)
    with ModelServer() as models, KafkaChain(kafka, models, suffix="-books") as chain:
        producer = chain.produce(CAMERAS=json.dumps({CAMERA: str(film)}))
        until(lambda: chain.video.books(CAMERA).out > 25, "frames flow")
        film.unlink()  # it is played to its end once
        chain.consumer.process.send_signal(signal.SIGSTOP)
        time.sleep(4)
        chain.consumer.process.send_signal(signal.SIGCONT)

        until(lambda: producer.books(CAMERA).arrived >= 250, "the film has ended")
        until(lambda: settled(producer, chain.consumer, chain.video, CAMERA), "all is accounted for")
        consumed = chain.consumer.books(CAMERA)
        assert consumed.dropped.get("skipped", 0) > 0
        assert producer.books(CAMERA).out == consumed.arrived + consumed.lost_upstream


class LateChain(KafkaChain):
    """A chain whose topics are not there when it starts."""

    def __enter__(self) -> "LateChain":
        self.consumer = self.another_consumer()
        self.video = self.start("video", TOPICNAME=self.topic("videodisplay"), DISPLAYPORT=f"127.0.0.1:{self.port}")
        return self


def _delete(bus: Bus, topic: str) -> None:
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": bus.servers})
    admin.delete_topics([topic], operation_timeout=10)[topic].result(PATIENCE_S)
    until(lambda: topic not in admin.list_topics(timeout=PATIENCE_S).topics, "the topic is gone")


def _write(chain: KafkaChain, key: str, value: bytes, headers: list[tuple[str, bytes]]) -> None:
    fates: list[Delivery] = []
    # A large one takes longer than a frame may on a busy machine.
    with Writer(Bus(chain.bus.servers, {"message.timeout.ms": 30_000})) as writer:
        writer.send(chain.topic("videocam"), key=key, value=value, headers=headers, settled=fates.append)
        until(lambda: fates, "its fate is known")
    assert fates == [Delivery.ACKNOWLEDGED]
