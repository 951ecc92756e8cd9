"""One suite that survives every fault of the bus: its services never exit, and it is live again each time.

The tests share the suite on purpose: the next one would find what a fault leaves behind. They also share its ledger:
after each fault, every frame since the start is accounted for from one stage to the next.
"""

import contextlib
import json
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import confluent_kafka
import confluent_kafka.admin
import pytest

from local.kafka.node import Node
from shared.bus import Bus, Delivery, Writer
from tests.conftest import Recovery
from tests.end_to_end.model_server import ModelServer
from tests.end_to_end.numbered import write_video
from tests.kafka.chain import KafkaChain, settled
from tests.kafka.faults import LIVE_AGAIN_S, Viewer
from tests.kafka.properties import of_client, with_properties
from tests.processes import freeze, thaw
from tests.suite import Service, get_json
from tests.waiting import PATIENCE_S, wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]  # a minute of it is the fault itself
CAMERA, SKEWED = "film", "skewed"
FROZEN_S = 30.0
AWAY_S = 15.0
PAUSED_S = 60.0
FRAMES = 250
HOUR_S = 3600
BALANCED = "live again, no service exited, every frame accounted for"


@dataclass
class Live:
    """A suite at 25 frames a second, and a viewer."""

    chain: KafkaChain
    producer: Service
    viewer: Viewer
    film: Path

    @property
    def services(self) -> tuple[Service, Service, Service]:
        return self.producer, self.chain.consumer, self.chain.video

    def is_live_again(self) -> float:
        """After the end of a fault, wait for a picture captured from now on; return how many seconds it took."""
        seconds = self.viewer.sees_something_newer(within_s=LIVE_AGAIN_S)
        self.viewer.sees_something_newer(within_s=LIVE_AGAIN_S)  # it was not a single one

        assert [service.process.poll() for service in self.services] == [None, None, None]
        assert self.viewer.watches
        for service in self.services:
            assert not service.said("a loop crashed"), service.log
        return seconds

    def balances(self) -> None:
        """Let the film end, wait until everything that was written was read or is known to be lost, and play it again.

        Three scrapes agree only while nothing moves.
        """
        away = self.film.rename(self.film.with_suffix(".away"))
        try:
            wait_until(lambda: "ok" not in self.readiness(), "the film has ended")
            wait_until(lambda: settled(*self.services, CAMERA), "every frame is accounted for")
        except AssertionError as exc:
            books = "\n".join(f"{service.name}: {service.books(CAMERA)}" for service in self.services)
            raise AssertionError(f"{exc}\n{books}") from None
        finally:
            away.rename(self.film)
        wait_until(lambda: "ok" in self.readiness(), "the film plays again")

    def readiness(self) -> str:
        """Return the camera's entry in the producer's /readyz."""
        return str((get_json(f"{self.producer.probes}/readyz") or {}).get(f"camera/{CAMERA}", ""))


@pytest.fixture(scope="module")
def suite(kafka: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    film = write_video(tmp_path_factory.mktemp("film") / "film.mkv", 50)
    with ModelServer() as models, KafkaChain(kafka, models, suffix="-faults") as chain:
        producer = chain.produce(CAMERAS=json.dumps({CAMERA: str(film)}))
        wait_until(lambda: chain.ask(f"/cameras/{CAMERA}/predictions"), "a first frame")
        with Viewer(chain.port, CAMERA) as viewer:
            yield Live(chain, producer, viewer, film)


@pytest.fixture
def live(suite: Live) -> Live:
    """Return the suite when it is live."""
    suite.viewer.sees_something_newer(within_s=20)
    return suite


@pytest.mark.fault("broker killed and restarted at once", expects="frames are dropped and counted; live again")
def test_a_killed_and_restarted_broker_is_survived(live: Live, kafka: Node, recovery: Recovery) -> None:
    """SIGKILL, then a start with the same data."""
    kafka.kill()
    wait_until(lambda: "broker_unavailable" in live.producer.books(CAMERA).dropped, "the producer drops frames")
    kafka.start()
    kafka.wait_until_ready()

    seconds = live.is_live_again()
    live.balances()
    recovery.seen(BALANCED, seconds=seconds)


@pytest.mark.fault(
    "broker killed, away for longer than sessions and requests last, restarted",
    expects="the group membership is lost and regained; live again",
)
def test_a_broker_that_was_away_for_long_is_survived(live: Live, kafka: Node, recovery: Recovery) -> None:
    """The group must give up the former member; a reader that had all partitions reads on in the meantime."""
    kafka.kill()
    time.sleep(AWAY_S)  # the fault itself
    kafka.start()
    kafka.wait_until_ready()

    seconds = live.is_live_again()
    assert live.chain.consumer.said("the group was lost")
    live.balances()
    recovery.seen(BALANCED, seconds=seconds)


@pytest.mark.fault(
    "broker frozen (SIGSTOP) for 30 s", expects="frames are dropped and counted; the group is rejoined; live again"
)
def test_a_frozen_broker_is_survived(live: Live, kafka: Node, recovery: Recovery) -> None:
    """For longer than sessions and requests last; every record was written once and is accounted for."""
    dropped = live.producer.books(CAMERA).dropped.get("broker_unavailable", 0)
    freeze(kafka.pid)
    try:
        time.sleep(FROZEN_S)  # the fault itself
    finally:
        thaw(kafka.pid)
    kafka.wait_until_ready()

    seconds = live.is_live_again()
    assert live.producer.books(CAMERA).dropped["broker_unavailable"] > dropped
    live.balances()
    recovery.seen(BALANCED, seconds=seconds)


@pytest.mark.parametrize(
    "topic",
    [
        pytest.param(
            "videocam",
            marks=pytest.mark.fault(
                "videocam deleted and created again", expects="its offsets start again; it is written and read again"
            ),
        ),
        pytest.param(
            "videodisplay",
            marks=pytest.mark.fault(
                "videodisplay deleted and created again",
                expects="its offsets start again; it is written and read again",
            ),
        ),
        pytest.param(
            "videostatus",
            marks=pytest.mark.fault("videostatus deleted and created again", expects="the picture is not affected"),
        ),
    ],
)
def test_a_recreated_topic_is_read_again(live: Live, topic: str, recovery: Recovery) -> None:
    """Its offsets start again; readers and writers find the new topic by themselves and continue to count."""
    _delete(live.chain.bus, live.chain.topic(topic))
    time.sleep(3)  # longer than metadata is kept: every client has seen that it is gone
    live.chain.declare(topic)

    seconds = live.is_live_again()
    live.balances()
    recovery.seen(BALANCED, seconds=seconds)


JPEG = ("content-type", b"image/jpeg")
COUNTED = "it is counted as undecodable; the frames behind it get through"


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize(
    ("value", "headers"),
    [
        pytest.param(b"", [], marks=pytest.mark.fault("a record without a value", expects=COUNTED)),
        pytest.param(b"", [JPEG], marks=pytest.mark.fault("a record that says JPEG and is empty", expects=COUNTED)),
        pytest.param(
            b"\xff\xd8\xff\xe0\x00\x10JFIF",
            [JPEG],
            marks=pytest.mark.fault("a record with a truncated JPEG", expects=COUNTED),
        ),
        pytest.param(b'{"mat": "AAAA"', [], marks=pytest.mark.fault("a record with truncated JSON", expects=COUNTED)),
        pytest.param(bytes(90_000_000), [], marks=pytest.mark.fault("a record of 90 MB", expects=COUNTED)),
        pytest.param(
            bytes(90_000_000), [JPEG], marks=pytest.mark.fault("a record of 90 MB that says JPEG", expects=COUNTED)
        ),
        pytest.param(
            b"hello",
            [("content-type", b"text/plain")],
            marks=pytest.mark.fault("a record of an unknown content type", expects=COUNTED),
        ),
        pytest.param(
            b"GIF89a" + bytes(1000), [JPEG], marks=pytest.mark.fault("a record that is not an image", expects=COUNTED)
        ),
    ],
)
def test_a_record_that_is_not_a_frame_is_counted(
    live: Live, value: bytes, headers: list[tuple[str, bytes]], recovery: Recovery
) -> None:
    """It is counted as `undecodable`, and the camera's frames behind it on the same partition get through."""
    before = live.chain.consumer.books(CAMERA).dropped.get("undecodable", 0)
    _write(live.chain, CAMERA, value, headers)

    seconds = live.is_live_again()
    wait_until(lambda: live.chain.consumer.books(CAMERA).dropped.get("undecodable", 0) == before + 1, "it is counted")
    recovery.seen("counted once, live", seconds=seconds)


@pytest.mark.fault(
    "consumer paused (SIGSTOP) for a minute",
    expects="the next frame is the newest, not one of a minute ago; the rest is skipped and counted",
)
def test_a_paused_consumer_continues_with_the_newest_frame(live: Live, recovery: Recovery) -> None:
    """It loses its session and joins again; nothing is played back, and every frame is accounted for."""
    before = live.chain.consumer.books(CAMERA)
    live.chain.consumer.process.send_signal(signal.SIGSTOP)
    try:
        time.sleep(PAUSED_S)  # the fault itself
    finally:
        live.chain.consumer.process.send_signal(signal.SIGCONT)

    seconds = live.is_live_again()
    skipped = live.chain.consumer.books(CAMERA).dropped["skipped"] - before.dropped.get("skipped", 0)
    assert skipped > 0.8 * 25 * PAUSED_S
    live.balances()
    recovery.seen(f"{skipped} frames skipped, every frame accounted for", seconds=seconds)


@pytest.mark.fault(
    "video paused (SIGSTOP) for 10 s", expects="the next frame is the newest; the rest is skipped and counted"
)
def test_a_paused_video_continues_with_the_newest_frame(live: Live, recovery: Recovery) -> None:
    """Frames that arrived in the meantime are not played back."""
    before = live.chain.video.books(CAMERA).dropped.get("skipped", 0)
    live.chain.video.process.send_signal(signal.SIGSTOP)
    try:
        time.sleep(10)  # the fault itself
    finally:
        live.chain.video.process.send_signal(signal.SIGCONT)

    seconds = live.is_live_again()
    skipped = live.chain.video.books(CAMERA).dropped["skipped"] - before
    assert skipped > 0.5 * 25 * 10
    live.balances()
    recovery.seen(f"{skipped} frames skipped, every frame accounted for", seconds=seconds)


@pytest.mark.fault(
    "clocks of producer and viewer an hour apart", expects="the age is shown as unknown, and is in no histogram"
)
def test_clocks_an_hour_apart_make_the_age_unknown(live: Live, tmp_path: Path, recovery: Recovery) -> None:
    """Every frame of a producer whose clock is ahead is shown, but not its age.

    All its Python processes have that clock. libfaketime would shift librdkafka's too, which then waits for ever.
    """
    (tmp_path / "sitecustomize.py").write_text(
        f"import time\ntrue = time.time_ns\ntime.time_ns = lambda: true() + {HOUR_S} * 10**9\n"
    )
    producer = live.chain.produce(CAMERAS=json.dumps({SKEWED: str(live.film)}), PYTHONPATH=str(tmp_path))
    wait_until(lambda: live.chain.video.books(SKEWED).out > 50, "its frames are shown")

    (shown,) = (camera for camera in live.chain.ask("/cameras") if camera["id"] == SKEWED)
    assert (shown["clock"], shown["age_ms"]) == ("unknown", None)
    for service in live.services[1:]:
        metrics = service.metrics()
        assert metrics[f"{service.name}_clock_suspect", f"camera={SKEWED}"] == 1
        assert metrics[f"{service.name}_clock_suspect", f"camera={CAMERA}"] == 0
        assert (f"{service.name}_frame_age_seconds_count", f"camera={SKEWED}") not in metrics
    assert producer.process.poll() is None
    with Viewer(live.chain.port, SKEWED) as viewer:
        viewer.sees_something_newer(ahead_s=HOUR_S)
        assert viewer.newest is not None
        assert viewer.newest.headers["x-age"] == "unknown"
    assert producer.ends() == 0
    recovery.seen("clock unknown in /cameras and in the stream, clock_suspect 1", seconds=None)


@pytest.mark.fault("topics missing at start, created later", expects="no service exits; live once they exist")
def test_topics_that_come_late_are_found(kafka: Node, tmp_path: Path, recovery: Recovery) -> None:
    """Services that start without any topic use them once they exist, and count from the first record on."""
    film = write_video(tmp_path / "film.mkv", 50)
    with ModelServer() as models, LateChain(kafka, models, suffix="-late") as chain:
        producer = chain.produce(CAMERAS=json.dumps({CAMERA: str(film)}))
        services = (producer, chain.consumer, chain.video)
        wait_until(lambda: producer.books(CAMERA).arrived, "the producer has seen frames")
        wait_until(lambda: all(service.metrics() for service in services), "all have started")
        time.sleep(2)  # the fault itself
        chain.declare()
        began = time.monotonic()
        wait_until(lambda: chain.video.books(CAMERA).out, "video shows frames", within_s=2 * LIVE_AGAIN_S)
        seconds = time.monotonic() - began

        assert [service.process.poll() for service in services] == [None, None, None]
        film.unlink()
        wait_until(lambda: settled(*services, CAMERA), "every frame is accounted for")
        recovery.seen(BALANCED, seconds=seconds)


def test_at_the_end_every_frame_is_accounted_for(kafka: Node, tmp_path: Path) -> None:
    """From the camera's own count to the records on the topics to what was shown."""
    film = write_video(tmp_path / "film.mkv", FRAMES)
    with ModelServer() as models, KafkaChain(kafka, models, suffix="-books") as chain:
        before = [_written(chain.bus, chain.topic(topic)) for topic in ("videocam", "videodisplay")]
        producer = chain.produce(CAMERAS=json.dumps({CAMERA: str(film)}))
        services = (producer, chain.consumer, chain.video)
        wait_until(lambda: chain.video.books(CAMERA).out > 25, "frames flow")
        film.unlink()  # it is played to its end once
        chain.consumer.process.send_signal(signal.SIGSTOP)
        time.sleep(4)
        chain.consumer.process.send_signal(signal.SIGCONT)

        wait_until(lambda: producer.books(CAMERA).arrived >= FRAMES, "the film has ended")
        wait_until(lambda: settled(*services, CAMERA), "all is accounted for")
        produced, consumed = producer.books(CAMERA), chain.consumer.books(CAMERA)
        assert produced.arrived == FRAMES
        assert consumed.dropped.get("skipped", 0) > 0
        assert _written(chain.bus, chain.topic("videocam")) - before[0] == produced.out - consumed.lost_upstream
        assert _written(chain.bus, chain.topic("videodisplay")) - before[1] == consumed.out


class LateChain(KafkaChain):
    """A chain whose topics do not exist when it starts."""

    def __enter__(self) -> "LateChain":
        self.consumer = self.another_consumer()
        self.video = self.start("video", TOPICNAME=self.topic("videodisplay"), DISPLAYPORT=f"127.0.0.1:{self.port}")
        return self


def _written(bus: Bus, topic: str) -> int:
    """Return the number of records that were ever written to a topic, from the broker's offsets."""
    consumer = confluent_kafka.Consumer(of_client(bus, **{"group.id": "test-offsets"}))
    with contextlib.closing(consumer):
        partitions = consumer.list_topics(topic, timeout=PATIENCE_S).topics[topic].partitions
        places = [confluent_kafka.TopicPartition(topic, number) for number in partitions]
        return sum(consumer.get_watermark_offsets(place, timeout=PATIENCE_S)[1] for place in places)


def _delete(bus: Bus, topic: str) -> None:
    admin = confluent_kafka.admin.AdminClient(of_client(bus))
    admin.delete_topics([topic], operation_timeout=10)[topic].result(PATIENCE_S)
    wait_until(lambda: topic not in admin.list_topics(timeout=PATIENCE_S).topics, "the topic is gone")


def _write(chain: KafkaChain, key: str, value: bytes, headers: list[tuple[str, bytes]]) -> None:
    deliveries: list[Delivery] = []
    # On a busy machine, a large record takes longer than a frame may take.
    with Writer(with_properties(chain.bus, {"message.timeout.ms": 30_000})) as writer:
        writer.send(chain.topic("videocam"), key=key, value=value, headers=headers, on_delivery=deliveries.append)
        wait_until(lambda: deliveries, "the delivery report")
    assert deliveries == [Delivery.ACKNOWLEDGED]
