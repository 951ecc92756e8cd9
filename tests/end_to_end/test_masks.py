"""What lies under a mask is in no record, stream, snapshot or model input: proved on the coefficients."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from producer.mask import covered
from shared.bus import Record
from shared.frames import jpeg, pixels
from shared.frames.frame import Frame, read_frame
from shared.frames.go_record import read_original
from tests.coefficients import coefficients
from tests.end_to_end.chain import Chain, embedded_broker
from tests.end_to_end.model_server import ModelServer
from tests.end_to_end.numbered import picture, write_video
from tests.producer.cameras import HttpCamera, http_camera
from tests.suite import LOOPBACK, Tap, get
from tests.waiting import wait_until

MODEL = "imagenet"
MASKS = (((0.6, 0.4), (0.9, 0.4), (0.9, 0.6), (0.6, 0.55)),)
SECRET = b"the picture of a neighbour's window"
FRAMES = 5  # looked at of each camera and topic


def frame_of(record: Record) -> Frame | None:
    return read_frame(record.key, record.value, record.headers) if record.value else None


def assert_masked(data: bytes) -> None:
    """Every MCU under the mask is one black, and nothing but the picture is there."""
    header = jpeg.inspect(data)
    touched = covered(MASKS, header.width, header.height, (header.mcu_width, header.mcu_height), 0.0)
    for blocks in coefficients(data):
        rows, columns = blocks.shape[0] // touched.shape[0], blocks.shape[1] // touched.shape[1]
        below = blocks[touched.repeat(rows, axis=0).repeat(columns, axis=1)]
        assert not below[:, 1:].any()
        assert len(set(below[:, 0])) == 1
    assert SECRET not in data
    assert header.end == len(data)


def with_secrets(data: bytes) -> bytes:
    """Return a camera's JPEG with a thumbnail in its EXIF data, a comment and a second picture at its end."""
    exif = b"\xff\xe1" + (8 + len(SECRET)).to_bytes(2, "big") + b"Exif\0\0" + SECRET
    comment = b"\xff\xfe" + (2 + len(SECRET)).to_bytes(2, "big") + SECRET
    return data[:2] + exif + comment + data[2:]


@pytest.fixture(scope="module")
def models() -> Iterator[ModelServer]:
    with ModelServer(name=MODEL) as server:
        yield server


@pytest.fixture(scope="module")
def camera() -> Iterator[HttpCamera]:
    """A camera whose JPEGs have a restart marker after each row, and more in them than is seen."""
    with http_camera() as found:
        found.frame = with_secrets(pixels.encode(picture(7), 80))
        yield found


def document(path: Path, **sources: str) -> str:
    masks = [[list(point) for point in polygon] for polygon in MASKS]
    cameras = {name: {"source": source, "masks": masks, "interval": "100ms"} for name, source in sources.items()}
    path.write_text(json.dumps({"cameras": cameras}))
    return str(path)


def test_nothing_under_a_mask_leaves_the_capture(models: ModelServer, camera: HttpCamera, tmp_path: Path) -> None:
    """A camera whose JPEGs are passed through, and a film: on both topics, for the model and for viewers."""
    film = write_video(tmp_path / "numbers.mkv", 50)
    cameras = document(tmp_path / "cameras.json", jpegs=camera.link(), film=str(film))
    with ExitStack() as stack:
        _, bus = stack.enter_context(embedded_broker())
        chain = stack.enter_context(Chain(bus, MODELURLS=json.dumps({MODEL: models.url()})))
        taps = [stack.enter_context(Tap(bus, topic, frame_of)) for topic in ("videocam", "videodisplay")]
        producer = chain.produce(CAMERASFILE=cameras)
        for tap in taps:
            for name in ("jpegs", "film"):
                wait_until(
                    lambda tap=tap, name=name: sum(frame.camera == name for frame in tap.kept) >= FRAMES,  # type: ignore[misc]
                    f"{name} is on both topics",
                )
        wait_until(lambda: len(models.pictures) >= FRAMES, "the model is asked")
        for name in ("jpegs", "film"):
            wait_until(lambda name=name: chain.predictions(name), f"{name} has a prediction")  # type: ignore[misc]

        for tap in taps:
            for name in ("jpegs", "film"):
                frames = [frame for frame in list(tap.kept) if frame.camera == name]
                for frame in (*frames[: FRAMES - 1], frames[-1]):
                    assert_masked(frame.jpeg)
        for sent in models.pictures[:FRAMES]:
            assert_masked(sent)
        for name in ("jpegs", "film"):
            status, snapshot = get(f"http://{LOOPBACK}:{chain.port}/cameras/{name}/snapshot.jpg")
            assert status == 200
            assert_masked(snapshot)
        assert SECRET in camera.frame
        assert producer.books("jpegs").dropped.get("unmasked", 0) == 0


def test_the_original_s_raw_records_are_masked(camera: HttpCamera, tmp_path: Path) -> None:
    """Rows of pixels for the Go consumer: black under the mask, the camera's own elsewhere."""
    cameras = document(tmp_path / "cameras.json", jpegs=camera.link())
    with ExitStack() as stack:
        _, bus = stack.enter_context(embedded_broker())
        chain = stack.enter_context(Chain(bus, MODELURLS="{}"))
        tap = stack.enter_context(Tap(bus, "videocam", lambda record: record.value))
        chain.produce(CAMERASFILE=cameras, FRAMEFORMAT="json")
        wait_until(lambda: len(tap.kept) >= 2, "raw records are on the topic")

    raw = read_original(tap.kept[1])
    image = np.frombuffer(raw.pixels, np.uint8).reshape(raw.height, raw.width, 3)
    touched = covered(MASKS, raw.width, raw.height, (16, 16), 0.0).repeat(16, axis=0).repeat(16, axis=1)
    assert not image[touched[: raw.height, : raw.width]].any()
    assert image[:100].mean() > 30


def test_a_mask_that_is_added_hides_the_frames_that_follow(camera: HttpCamera, tmp_path: Path) -> None:
    """Once the first masked frame is there, no other one comes."""
    path = tmp_path / "cameras.json"
    path.write_text(json.dumps({"cameras": {"jpegs": {"source": camera.link(), "interval": "100ms"}}}))
    with ExitStack() as stack:
        _, bus = stack.enter_context(embedded_broker())
        chain = stack.enter_context(Chain(bus, MODELURLS="{}"))
        tap = stack.enter_context(Tap(bus, "videocam", frame_of))
        chain.produce(CAMERASFILE=str(path))
        wait_until(lambda: len(tap.kept) >= 2, "frames are on the topic")
        assert SECRET in tap.kept[0].jpeg

        document(path, jpegs=camera.link())

        wait_until(lambda: SECRET not in tap.kept[-1].jpeg, "a frame is masked")
        first = next(index for index, frame in enumerate(tap.kept) if SECRET not in frame.jpeg)
        wait_until(lambda: len(tap.kept) >= first + FRAMES, "more frames come")
        for frame in tap.kept[first:]:
            assert_masked(frame.jpeg)
