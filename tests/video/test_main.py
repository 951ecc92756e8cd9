"""The service as a process, on the embedded broker."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image
from prometheus_client import Gauge
from prometheus_client.parser import text_string_to_metric_families

from local.ports import free_port
from shared.bus import Bus, EmbeddedBroker, Writer
from shared.frames.frame import Headers, to_headers
from shared.frames.go_record import RawPicture, write_original
from shared.status import StatusWriter
from tests.reports import report_of
from tests.video.stage import RUN, Stream, frame, jpeg
from tests.waiting import wait_until

TOPIC, STATUS = "videodisplay", "videostatus"


@pytest.fixture(scope="module")
def bus() -> Iterator[Bus]:
    broker = EmbeddedBroker()
    bus = broker.bus()
    with Writer(bus) as writer:  # creates the topics
        for topic in (TOPIC, STATUS):
            writer.send(topic, key="nobody", value=b"", headers=[], on_delivery=lambda _: None)
    yield bus
    del broker


@pytest.fixture
def writer(bus: Bus) -> Iterator[Writer]:
    with Writer(bus) as opened:
        yield opened


class Video:
    """The service as a process."""

    def __init__(self, servers: str, properties: dict[str, Any], **settings: str) -> None:
        self.port, self.probes = free_port(), free_port()
        environment = {
            **os.environ,
            "KAFKAPORT": servers,
            "KAFKACONFIG": json.dumps(properties),
            "DISPLAYPORT": f"127.0.0.1:{self.port}",
            "PROBEPORT": f"127.0.0.1:{self.probes}",
            **settings,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "video"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.log = ""
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.log += line

    def starts(self) -> None:
        wait_until(self.answers, within_s=30)
        wait_until(lambda: self.log.count("partitions taken") >= 2, within_s=30)

    def answers(self) -> bool:
        with suppress(httpx.TransportError):
            return self.get("/healthz").status_code == 200
        return False

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=10)

    def probe(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.probes}{path}", timeout=10)

    def metrics(self) -> dict[tuple[Any, ...], float]:
        """Return the values of the service's metrics by name and labels."""
        return {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.probe("/metrics").text)
            for sample in family.samples
        }

    def ends(self) -> float:
        """Send SIGTERM; return the seconds that the end took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self._reading.join(5)
        return time.monotonic() - began


@contextmanager
def running(bus: Bus, **settings: str) -> Iterator[Video]:
    video = Video(bus.servers, dict(bus.properties), **settings)
    try:
        yield video
    finally:
        video.process.kill()
        video.process.wait()


@pytest.fixture(scope="module")
def video(bus: Bus) -> Iterator[Video]:
    with running(bus) as process:
        process.starts()
        yield process


class Sender:
    """Writes frames as the consumer does, and waits until they are shown."""

    def __init__(self, writer: Writer, video: Video) -> None:
        self._writer, self._video = writer, video

    def record(self, camera: str, value: bytes, headers: Headers) -> None:
        self._writer.send(TOPIC, key=camera, value=value, headers=headers, on_delivery=lambda _: None)

    def send(self, camera: str, seq: int, *, shown: bool = True, **changes: object) -> None:
        sent = frame(camera, seq, None, **changes)
        self.record(camera, sent.jpeg, to_headers(sent))
        if shown:
            wait_until(lambda: self._video.get(f"/cameras/{camera}/predictions").json().get("seq") == seq)


@pytest.fixture
def sender(writer: Writer, video: Video) -> Sender:
    return Sender(writer, video)


def books(video: Video, camera: str) -> dict[str, float]:
    """Return the ledger of a camera from the metrics."""
    values = {"lost": 0.0, "in": 0.0, "out": 0.0}
    names = {"video_frames_lost_upstream_total": "lost", "video_frames_in_total": "in", "video_frames_out_total": "out"}
    for (name, *labels), value in video.metrics().items():
        said = dict(labels)
        if said.get("camera") == camera and name in names:
            values[names[name]] = value
        elif said.get("camera") == camera and name == "video_frames_dropped_total":
            values[said["reason"]] = value
    return values


def test_it_says_once_where_people_open_it_and_where_it_listens(video: Video) -> None:
    """One line has NODEPORT and DISPLAYPORT."""
    (line,) = [line for line in video.log.splitlines() if "open http" in line]

    assert "http://localhost:30163" in line
    assert f"listens=127.0.0.1:{video.port}" in line


def test_a_frame_goes_from_the_bus_to_a_viewer(video: Video, sender: Sender) -> None:
    """It arrives unchanged, byte by byte, and soon."""
    sender.send("front", 1)

    with Stream(video.port, "/cameras/front/stream") as viewer:
        headers, picture = viewer.start().part()

    assert picture == jpeg()
    assert headers["X-Sequence"] == "1"
    wait_until(lambda: "camera/front" in video.probe("/readyz").json())
    ready = video.probe("/readyz").json()
    assert (ready["http"], ready["broker"], ready["camera/front"]) == ("ok", "ok", "ok")


def test_frames_lost_before_they_came_are_found_by_their_numbers(video: Video, sender: Sender) -> None:
    """The consumer's own numbers count where there are any: what it dropped on purpose is in its own ledger."""
    for seq, number in ((10, 1), (13, 2), (17, 5), (18, 6)):
        sender.send("numbered", seq, numbering=(RUN, number))
    for seq in (1, 2, 5):
        sender.send("plain", seq)

    assert books(video, "numbered") == {"lost": 2, "in": 4, "out": 4}
    assert books(video, "plain") == {"lost": 2, "in": 3, "out": 3}


def test_a_restarted_producer_has_lost_nothing(video: Video, sender: Sender) -> None:
    """Numbers of another run say nothing about this one."""
    sender.send("again", 900, numbering=(RUN, 900))
    sent = frame("again", 1, numbering=(RUN + 5, 1))
    sender.record("again", sent.jpeg, [*to_headers(sent)[:2], ("run", b"%d" % (RUN + 5)), *to_headers(sent)[3:]])
    wait_until(lambda: video.get("/cameras/again/predictions").json()["seq"] == 1)

    assert books(video, "again") == {"lost": 0, "in": 2, "out": 2}


def test_records_that_are_no_frames_are_counted_and_stop_nothing(video: Video, sender: Sender) -> None:
    """Records may be empty, cut off, of another type, or not an image."""
    good = frame("odd", 1)
    headers = to_headers(good)
    for value, head in (
        (b"", headers),
        (good.jpeg[:50], headers),
        (b"GIF89a", headers),
        (good.jpeg, [("content-type", b"image/png"), *headers[1:]]),
        (b"{}", []),
        (good.jpeg[:50], []),
    ):
        sender.record("odd", value, head)
    sender.send("odd", 1)

    odd = books(video, "odd")
    # Of two records without headers that came together, only the newer one is looked at.
    assert odd["undecodable"] + odd.get("superseded", 0) == 6
    assert odd["undecodable"] >= 5
    assert (odd["lost"], odd["in"], odd["out"]) == (0, 7, 1)


def test_a_bare_jpeg_is_shown(video: Video, sender: Sender) -> None:
    """Without headers; the camera is the key."""
    bare = frame("bare", 1).jpeg
    sender.record("bare", bare, [])

    wait_until(lambda: video.get("/cameras/bare/snapshot.jpg").status_code == 200)
    assert video.get("/cameras/bare/snapshot.jpg").content == bare


def test_a_record_of_the_original_is_shown(video: Video, sender: Sender) -> None:
    """Raw pixels in JSON become a picture, without OpenCV."""
    raw = RawPicture(64, 48, 3, bytes([0, 0, 250]) * (64 * 48))
    sender.record("original", write_original(raw), [])
    wait_until(lambda: video.get("/cameras/original/snapshot.jpg").status_code == 200)

    image = Image.open(BytesIO(video.get("/cameras/original/snapshot.jpg").content))

    assert image.size == (64, 48)
    assert image.getpixel((30, 30)) == pytest.approx((250, 0, 0), abs=6)


def test_a_clock_that_is_an_hour_off_makes_the_age_unknown(video: Video, sender: Sender) -> None:
    """The frame is shown all the same."""
    sender.send("skewed", 1, captured_at=int((time.time() - 3600) * 1e6))

    with Stream(video.port, "/cameras/skewed/stream") as viewer:
        assert viewer.start().part()[0]["X-Age"] == "unknown"
    metrics = video.metrics()
    assert metrics["video_clock_suspect", ("camera", "skewed")] == 1
    assert not metrics.get(("video_frame_age_seconds_count", ("camera", "skewed")))


def test_what_a_producer_says_of_its_camera_is_written_on_the_picture(
    video: Video, sender: Sender, writer: Writer
) -> None:
    """Its status reaches a viewer through the bus: down with the reason, then its silence."""
    sender.send("side", 1)
    cameras = {"side": {"state": "down", "since": int(time.time() * 1e6), "reason": "connection refused"}}
    status = StatusWriter(
        writer,
        STATUS,
        service="producer",
        report=lambda: report_of(cameras=cameras),
        silent=Gauge("silent", "seconds", registry=None),
    )
    stop = threading.Event()
    saying = threading.Thread(target=status.run, args=(stop, lambda: None))
    saying.start()

    def side() -> dict[str, Any]:
        return next(camera for camera in video.get("/cameras").json() if camera["id"] == "side")

    wait_until(lambda: side()["notice"] == "CAMERA DOWN")
    assert side()["reason"] == "connection refused"
    assert video.probe("/readyz").status_code == 200
    assert video.probe("/readyz").json()["camera/side"].startswith("no frame for ")
    wait_until(lambda: "viewers see: CAMERA DOWN  camera=side  reason=connection refused" in video.log)
    assert video.log.count("camera is live  camera=side") == 1
    stop.set()
    status.changed()
    saying.join()
    status.write_final()
    wait_until(lambda: side()["notice"] == "PRODUCER DOWN")


def test_the_service_runs_without_numpy_and_opencv() -> None:
    """Its image has neither, which saves 160 MB."""
    code = "import sys; import video.service; print([name for name in ('cv2', 'numpy', 'av') if name in sys.modules])"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_sigterm_ends_it_soon_although_streams_are_open(bus: Bus, writer: Writer) -> None:
    """It exits with 0 within three seconds, and its last status says so."""
    with running(bus) as video:
        video.starts()
        Sender(writer, video).send("front", 1, shown=True)
        with Stream(video.port, "/cameras/front/stream") as viewer, Stream(video.port, "/") as other:
            viewer.start().part(), other.start().part()

            seconds = video.ends()

            assert viewer.file.read() is not None
        assert video.process.returncode == 0, video.log
        assert seconds < 3
        assert "Traceback" not in video.log
        assert "ERROR" not in video.log


def test_without_a_broker_it_serves_and_says_so() -> None:
    """The page comes up, a stream says that there is no camera, readiness that no broker answers; it ends in time."""
    nowhere = Bus(f"127.0.0.1:{free_port()}")
    with running(nowhere) as video:
        wait_until(video.answers, within_s=30)

        ready = video.probe("/readyz")
        with Stream(video.port, "/") as viewer:
            assert viewer.start().part()[0]["X-Sequence"] == "0"

        assert ready.status_code == 200
        assert ready.json()["broker"].startswith("no answer for ")
        assert ready.json()["camera"] == "none yet"
        assert video.ends() < 8
        assert video.process.returncode == 0


def test_a_taken_port_is_one_readable_line(bus: Bus) -> None:
    """It names DISPLAYPORT, exits with 2 and leaves nothing running."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with running(bus, DISPLAYPORT=address) as video:
            assert video.process.wait(20) == 2
            video._reading.join(5)

    lines = [line for line in video.log.splitlines() if line.startswith("video: ")]
    assert len(lines) == 1
    assert lines[0].startswith(f"video: DISPLAYPORT: cannot listen on {address}: ")
    assert "Traceback" not in video.log


def test_a_wrong_setting_is_one_readable_line_each(bus: Bus) -> None:
    """Nothing is started before."""
    with running(bus, MAXVIEWERS="many", FRAMEINTERVAL="10") as video:
        assert video.process.wait(20) == 2
        video._reading.join(5)

    assert re.fullmatch(r"(video: (MAXVIEWERS|FRAMEINTERVAL): got '\w+'; allowed: [^\n]+\n){2}", video.log)
