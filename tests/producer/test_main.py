"""The producer as a process, against the embedded broker."""

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from local.ports import free_port
from shared.bus import EmbeddedBroker, Reader, Record
from shared.clock import now_us
from shared.frames.frame import Frame, read_frame
from tests.conftest import Recovery
from tests.producer.cameras import BUNNY, http_camera, image
from tests.producer.rtsp_camera import rtsp_camera
from tests.producer.rtsp_video import video
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def broker() -> EmbeddedBroker:
    return EmbeddedBroker()


class Producer:
    """A running producer."""

    def __init__(self, servers: str, topic: str, log: Path, **variables: str) -> None:
        self.probes = f"127.0.0.1:{free_port()}"
        self.log = log
        environment = {
            "KAFKAPORT": servers,
            "TOPICNAME": topic,
            "TOPICNAMESTATUS": f"{topic}-status",
            "PROBEPORT": self.probes,
            "KAFKACONFIG": json.dumps(dict(EmbeddedBroker.PROPERTIES)),
            "FRAMEINTERVAL": "0",
            **variables,
        }
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "producer"], env=environment, stdout=output, stderr=subprocess.STDOUT
            )

    def ask(self, path: str) -> str:
        try:
            with urllib.request.urlopen(f"http://{self.probes}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as exc:
            return f"{exc.code} {exc.read().decode()}"
        except OSError:  # it does not listen yet
            return ""

    def metrics(self, name: str, page: str | None = None) -> dict[tuple[str, ...], float]:
        """Return the values of a metric by those of its labels, sorted by the labels' names.

        Metrics that are compared with each other are read from one page: /metrics of one moment.
        """
        page = self.ask("/metrics") if page is None else page
        samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
        return {
            tuple(text for _, text in sorted(sample.labels.items())): sample.value
            for sample in samples
            if sample.name == name
        }

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)


Start: TypeAlias = Callable[..., Producer]


@pytest.fixture
def start(broker: EmbeddedBroker, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Start]:
    with contextlib.ExitStack() as stack:

        def started(*, servers: str = "", **variables: str) -> Producer:
            topic = request.node.name.replace("[", "-").replace("]", "")
            producer = Producer(servers or broker.servers, topic, tmp_path / "log", **variables)
            stack.callback(producer.process.wait)
            stack.callback(producer.process.kill)
            return producer

        yield started


def records(broker: EmbeddedBroker, topic: str, enough: Callable[[list[Record]], bool]) -> list[Record]:
    """Return what is written to a topic from now on, as soon as it is enough."""
    found: list[Record] = []
    with Reader.of_all_partitions(broker.bus(), topic, group="test") as reader:

        def read() -> bool:
            found.extend(reader.read(0.1))
            return enough(found)

        wait_until(read, f"records of {topic}")
    return found


def frames_of(found: list[Record]) -> list[Frame]:
    return [read_frame(record.key, record.value, record.headers) for record in found]


def test_a_file_becomes_frames_and_the_books_balance(
    start: Start, broker: EmbeddedBroker, request: pytest.FixtureRequest
) -> None:
    """Frames carry all headers, numbered without a gap; at the end in = out = what the broker has, and status 0."""
    began = now_us()
    producer = start(VIDEOLINK=str(BUNNY), CAMERA="front")

    found = records(broker, request.node.name, lambda found: len(found) >= 25)

    frames = frames_of(found)
    assert [frame.seq for frame in frames] == list(range(frames[0].seq, frames[0].seq + len(frames)))
    assert {(frame.camera, frame.width, frame.height) for frame in frames} == {("front", 1280, 720)}
    assert began < frames[0].run < frames[0].captured_at < now_us()
    assert len({frame.run for frame in frames}) == 1
    assert {record.key for record in found} == {b"front"}
    assert set(found[0].headers) == {"content-type", "camera", "run", "seq", "captured-at", "width", "height"}
    assert json.loads(producer.ask("/readyz")) == {"status": "ready", "broker": "ok", "camera/front": "ok"}
    assert producer.metrics("producer_camera_up") == {("front",): 1}
    page = producer.ask("/metrics")
    arrived, out = (producer.metrics(f"producer_frames_{way}_total", page)[("front",)] for way in ("in", "out"))
    assert arrived - out == sum(producer.metrics("producer_frames_dropped_total", page).values())
    assert producer.end() == 0
    assert "Traceback" not in producer.log.read_text()


def test_the_end_is_quick_and_leaves_nothing(
    start: Start, broker: EmbeddedBroker, request: pytest.FixtureRequest
) -> None:
    """SIGTERM ends the producer with status 0; its last word on the bus says so, with books that balance."""
    producer = start(CAMERAS=json.dumps({"front": str(BUNNY), "back": str(BUNNY)}))
    topic = f"{request.node.name}-status"
    with Reader.of_all_partitions(broker.bus(), topic, group="test") as reader:
        said: list[dict[str, Any]] = []

        def hears(condition: Callable[[dict[str, Any]], bool]) -> bool:
            said.extend(json.loads(record.value or b"") for record in reader.read(0.1))
            return any(map(condition, said))

        up = {"front": "up", "back": "up"}
        wait_until(
            lambda: hears(lambda word: {name: camera["state"] for name, camera in word["cameras"].items()} == up),
            "both cameras are said to be up",
        )
        children = children_of(producer.process.pid)
        assert len(children) == 2

        began = time.monotonic()
        assert producer.end() == 0
        seconds = time.monotonic() - began
        wait_until(lambda: hears(lambda word: word["ending"]), "the last word")

    assert seconds < 3
    wait_until(lambda: not any(Path(f"/proc/{child}").exists() for child in children), "no capture is left")
    for account in said[-1]["ledger"].values():
        assert account["in"] == account["out"] + sum(account["dropped"].values())


def test_captures_die_with_the_producer(start: Start) -> None:
    """A producer that is killed leaves no capture behind, not even one that hangs."""
    producer = start(VIDEOLINK=str(BUNNY))
    wait_until(lambda: producer.metrics("producer_camera_up") == {("camera",): 1}, "the camera is up")
    (capture,) = children_of(producer.process.pid)
    os.kill(capture, signal.SIGSTOP)  # it hangs: it would not notice that nobody reads its pipe

    try:
        producer.process.kill()
        wait_until(lambda: not Path(f"/proc/{capture}").exists(), "no capture is left")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(capture, signal.SIGKILL)


def test_the_original_s_record_reads_back_pixel_for_pixel(
    start: Start, broker: EmbeddedBroker, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """FRAMEFORMAT=json writes raw BGR rows as the original's definition has them, keyed by camera, without headers."""
    cv2.imwrite(str(tmp_path / "picture.png"), image())
    start(VIDEOLINK=str(tmp_path / "*.png"), FRAMEFORMAT="json", CAMERA="yard")

    record = records(broker, request.node.name, bool)[0]

    document = json.loads(record.value or b"")
    assert set(document) == {"mat", "channels", "rows", "cols", "type"}
    assert (document["rows"], document["cols"], document["channels"], document["type"]) == (240, 320, 3, cv2.CV_8UC3)
    rows = np.frombuffer(base64.standard_b64decode(document["mat"]), np.uint8).reshape(240, 320, 3)
    assert np.array_equal(rows, image())
    assert record.key == b"yard"
    assert not record.headers


def test_a_frame_that_no_broker_takes_is_counted(start: Start) -> None:
    """Raw 720p does not fit into the embedded broker: each frame is dropped as too large, and the service lives."""
    producer = start(VIDEOLINK=str(BUNNY), FRAMEFORMAT="json")

    wait_until(
        lambda: producer.metrics("producer_frames_dropped_total").get(("camera", "too_large"), 0) > 3, "it is counted"
    )

    assert producer.metrics("producer_frames_out_total") == {("camera",): 0}
    assert producer.end() == 0


def test_without_a_broker_frames_are_dropped_and_the_service_lives(start: Start) -> None:
    """No broker makes the producer not ready and its frames dropped with that reason; it still ends within 3 s."""
    producer = start(servers=f"127.0.0.1:{free_port()}", VIDEOLINK=str(BUNNY))

    wait_until(
        lambda: producer.metrics("producer_frames_dropped_total").get(("camera", "broker_unavailable"), 0) > 3,
        "frames are dropped",
    )

    answer = producer.ask("/readyz")
    assert answer.startswith("503 ")
    assert json.loads(answer.removeprefix("503 "))["camera/camera"] == "ok"
    assert json.loads(producer.ask("/healthz"))["status"] == "alive"
    began = time.monotonic()
    assert producer.end() == 0
    assert time.monotonic() - began < 3


def test_a_missing_camera_does_not_make_the_producer_unready(start: Start) -> None:
    """Of two cameras one is missing: it is named with the reason, without its password, and the other works."""
    with http_camera() as http:
        missing = f"rtsp://operator:s3cret@127.0.0.1:{free_port()}/live?token=t0ken"
        producer = start(CAMERAS=json.dumps({"front": http.link(), "yard": missing}), LOGLEVEL="debug")
        wait_until(
            lambda: (
                producer.metrics("producer_camera_up") == {("front",): 1, ("yard",): 0}
                and "connection refused" in producer.ask("/readyz")
            ),
            "one is up, and the other is missed",
        )

        ready = json.loads(producer.ask("/readyz"))
        assert ready["status"] == "degraded"
        assert ready["camera/front"] == "ok"
        assert ready["camera/yard"].startswith("no frame for ")
        seen = producer.ask("/readyz") + producer.ask("/metrics") + listing(producer.process.pid)
        assert producer.end() == 0
    for secret in ("operator", "s3cret", "t0ken"):
        assert secret not in seen + producer.log.read_text()


@pytest.mark.fault(
    "camera: frozen, as others see it",
    expects="`frozen` with its reason in /readyz, 0 in producer_camera_up, and in videostatus",
)
def test_the_state_of_a_camera_is_seen_everywhere(
    start: Start, broker: EmbeddedBroker, request: pytest.FixtureRequest, recovery: Recovery
) -> None:
    """Up, frozen and up again: in /readyz, in the metric and on the topic of states; the books balance."""
    said: list[dict[str, Any]] = []
    with (
        rtsp_camera(video()) as rtsp,
        Reader.of_all_partitions(broker.bus(), f"{request.node.name}-status", group="test") as reader,
    ):

        def states() -> list[str]:
            said.extend(json.loads(record.value or b"") for record in reader.read(0.05))
            return [word["cameras"]["front"]["state"] for word in said]

        producer = start(VIDEOLINK=rtsp.link(), CAMERA="front")
        wait_until(lambda: states()[-1:] == ["up"], "it is said to be up")
        wait_until(lambda: sum(producer.metrics("producer_frames_in_total").values()) > 10, "its rhythm is known")
        rtsp.frozen.set()
        wait_until(lambda: states()[-1:] == ["frozen"], "it is said to be frozen")
        reason = "connected, but silent for 3 s"
        wait_until(lambda: reason in producer.ask("/readyz"), "/readyz says why")
        assert json.loads(producer.ask("/readyz"))["status"] == "degraded"
        assert json.loads(producer.ask("/healthz"))["status"] == "alive"
        assert producer.metrics("producer_camera_up") == {("front",): 0}
        assert said[-1]["cameras"]["front"]["reason"] == reason
        rtsp.frozen.clear()
        began = time.monotonic()
        wait_until(lambda: producer.metrics("producer_camera_up") == {("front",): 1}, "it is up")
        seconds = time.monotonic() - began
        wait_until(lambda: states()[-1:] == ["up"], "it is said to be up again")

        page = producer.ask("/metrics")
        arrived, out = (producer.metrics(f"producer_frames_{way}_total", page)[("front",)] for way in ("in", "out"))
        assert arrived - out == sum(producer.metrics("producer_frames_dropped_total", page).values())
        recovery.seen("up, frozen, up; the ledger balances", seconds=seconds)


def test_wrong_properties_end_the_process(start: Start) -> None:
    """A property that librdkafka does not know is one line, and status 2."""
    producer = start(VIDEOLINK=str(BUNNY), KAFKACONFIG='{"no.such.property": 1}')

    assert producer.process.wait(20) == 2
    assert producer.log.read_text().startswith("producer: KAFKACONFIG: ")
    assert len(producer.log.read_text().splitlines()) == 1


def children_of(pid: int) -> list[int]:
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, children.read_text().split())
    return found


def listing(pid: int) -> str:
    """Return what a list of processes shows of a process and its children, and what the children inherited."""
    seen = Path(f"/proc/{pid}/cmdline").read_text()
    for child in children_of(pid):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            seen += Path(f"/proc/{child}/cmdline").read_text() + Path(f"/proc/{child}/environ").read_text()
    return seen


def test_a_picture_too_large_for_the_bus_is_named(broker: EmbeddedBroker, start: Start, tmp_path: Path) -> None:
    """The log says it once; /readyz and the status name its size, the limit and what to change."""
    noise = np.random.default_rng(1).integers(0, 255, (480, 640, 3), np.uint8)
    link = tmp_path / "noise.png"
    cv2.imwrite(str(link), noise)
    limit = {"message.max.bytes": 100_000}
    config = json.dumps({**EmbeddedBroker.PROPERTIES, **limit})

    def status(found: list[Record]) -> dict[str, Any]:
        return json.loads(found[-1].value or b"")["cameras"]["camera"] if found else {}

    producer = start(VIDEOLINK=str(link), JPEGQUALITY="100", KAFKACONFIG=config)
    wait_until(lambda: "exceeds the limit" in producer.ask("/readyz"), "/readyz names it")
    topic = "test_a_picture_too_large_for_the_bus_is_named-status"
    found = records(broker, topic, lambda found: bool(status(found).get("reason")))
    readiness = json.loads(producer.ask("/readyz"))["camera/camera"]
    dropped = producer.metrics("producer_frames_dropped_total")
    assert producer.end() == 0

    assert "exceeds the limit of 100000 bytes: raise message.max.bytes in KAFKACONFIG, or lower" in readiness
    assert (status(found)["state"], status(found)["reason"]) == ("up", readiness)
    assert dropped["camera", "too_large"] > 0
    lines = [line for line in producer.log.read_text().splitlines() if "too large" in line or "exceeds" in line]
    assert len(lines) == 1, lines
