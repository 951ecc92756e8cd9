"""The other modes: a model that is gone, frames that wait for their own label, the original's records."""

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

import cv2
import numpy as np
import pytest

from consumer.imprint import imprint
from consumer.overlay import Line, LineState, Overlay
from shared.bus import Bus, Record, Writer
from shared.frames.frame import Frame, read_frame
from shared.frames.pixels import Image, decode, encode
from tests.end_to_end.chain import Chain, embedded_broker
from tests.end_to_end.model_server import ModelServer
from tests.end_to_end.numbered import picture, read_number, write_png, write_video
from tests.suite import LOOPBACK, Service, Tap, get
from tests.waiting import wait_until

MODEL = "imagenet"
CAPTION_ROWS = 96  # of a picture of 360 rows; labels change nothing below


@pytest.fixture(scope="module")
def bus() -> Iterator[Bus]:
    with embedded_broker() as (_, found):
        yield found


@pytest.fixture(scope="module")
def models() -> Iterator[ModelServer]:
    with ModelServer(takes_s=lambda _: 0.05) as server:
        yield server


@pytest.fixture(scope="module")
def chain(bus: Bus, models: ModelServer) -> Iterator[Chain]:
    """A chain in mode `latest`; each test has its own cameras."""
    with Chain(bus, MODELURLS=json.dumps({MODEL: models.url()}), MODELTIMEOUT="2s") as running:
        yield running


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("films") / "numbers.mkv", 100)


@pytest.fixture
def frames(bus: Bus, chain: Chain) -> Iterator[Tap]:
    """What viewers receive from now on."""
    with Tap(bus, chain.topic("videodisplay"), frame_of) as tap:
        yield tap


def frame_of(record: Record) -> Frame | None:
    return read_frame(record.key, record.value, record.headers) if record.value else None


def of(tap: Tap, camera: str) -> list[Frame]:
    return [frame for frame in list(tap.kept) if frame is not None and frame.camera == camera]


def state(chain: Chain, camera: str) -> str:
    said = chain.predictions(camera)
    return str(said[MODEL]["state"]) if said else ""


def test_what_is_drawn_of_a_model_that_is_down_is_drawn_on_the_camera_s_own_picture(
    bus: Bus, chain: Chain, models: ModelServer, film: Path, frames: Tap
) -> None:
    """The producer's JPEG is unchanged except for `MODEL DOWN 3 s`."""
    models.go()
    try:
        with Tap(bus, chain.topic("videocam"), frame_of) as taken:
            producer = chain.produce(VIDEOLINK=str(film), CAMERA="dark")
            wait_until(lambda: state(chain, "dark") == "down", "the model is said to be down")
            wait_until(lambda: read_states(of(frames, "dark")).count("down") > 10, "some frames say so")
            producer.ends()
            originals = {frame.seq: frame.jpeg for frame in of(taken, "dark")}
    finally:
        models.come_back()

    down = [frame for frame in of(frames, "dark") if json.loads(frame.predictions)[0]["state"] == "down"]
    compared = [frame for frame in down if frame.seq in originals]
    for frame in compared:
        assert frame.imprinted_at is not None
        since = json.loads(frame.predictions)[0]["since"]
        line = Line("MODEL DOWN", f"{(frame.imprinted_at - since) / 1e6:.0f} s", LineState.DOWN)
        assert frame.jpeg == imprint(originals[frame.seq], Overlay((line,)), quality=80)
    assert compared


def read_states(frames: list[Frame]) -> list[str]:
    return [said["state"] for frame in frames for said in json.loads(frame.predictions)]


def test_each_frame_waits_for_its_own_label_in_mode_sync(bus: Bus, film: Path) -> None:
    """Label and picture have the same sequence; frames in between are `model_busy`; a model that hangs is down."""
    pace = [0.1]
    with ExitStack() as stack:
        models = stack.enter_context(ModelServer(takes_s=lambda _: pace[0]))
        settings = {"MODELURLS": json.dumps({MODEL: models.url()}), "PREDICTIONMODE": "sync", "MODELTIMEOUT": "1s"}
        chain = stack.enter_context(Chain(bus, suffix="-sync", **settings))
        shown = stack.enter_context(Tap(bus, chain.topic("videodisplay"), frame_of))
        producer = chain.produce(VIDEOLINK=str(film), CAMERA="patient")
        wait_until(lambda: read_states(of(shown, "patient")).count("ok") >= 15, "frames come with their labels")

        pace[0] = 3.0
        wait_until(lambda: "down" in read_states(of(shown, "patient")), "a frame goes out without, after a second")
        pace[0] = 0.1
        hung = len(of(shown, "patient"))
        wait_until(lambda: "ok" in read_states(of(shown, "patient")[hung:]), "labels come again")
        assert producer.ends() == 0
        wait_until(lambda: _has_all(shown, chain.consumer), "all has been read")
        books = chain.consumer.books("patient")

    seen = of(shown, "patient")
    assert [frame.seq for frame in seen] == sorted({frame.seq for frame in seen})
    for frame in seen:
        (said,) = json.loads(frame.predictions)
        assert said["state"] in {"ok", "down"}
        if said["state"] == "ok":
            assert said["seq"] == frame.seq
            assert said["age_ms"] == 0
            assert said["class"] == read_number(frame.jpeg) % 1000
        else:
            assert said["label"] is None
    assert (
        models.most_at_once <= 4
    )  # each that was given up still takes 3 s there, and a model that is down gets 0.75 s
    assert books.dropped["model_busy"] > 0
    assert books.balance
    assert books.out == len(seen)


def _has_all(shown: Tap, consumer: Service) -> bool:
    return consumer.books("patient").out == len(of(shown, "patient"))


def test_the_original_s_record_comes_through(bus: Bus, chain: Chain) -> None:
    """JSON with raw pixels, as goproducer writes it, becomes a labelled picture for viewers."""
    with Writer(bus) as writer:
        numbers = cycle(range(321, 600))

        def labelled() -> bool:
            mat = base64.b64encode(picture(next(numbers)).tobytes()).decode()
            document = {"mat": mat, "channels": 3, "rows": 360, "cols": 640, "type": 16}
            writer.send(
                chain.topic("videocam"),
                key="original",
                value=json.dumps(document).encode(),
                headers=[],
                on_delivery=lambda _: None,
            )
            return state(chain, "original") == "ok"

        wait_until(labelled, "it is shown with a label")

    said = chain.predictions("original")[MODEL]
    snapshot = get(f"http://{LOOPBACK}:{chain.port}/cameras/original/snapshot.jpg")[1]
    assert 321 <= read_number(snapshot) < 600
    assert 321 <= said["class"] < 600
    assert same_below_the_label(snapshot, picture(read_number(snapshot)))


def test_raw_pixels_of_our_own_producer_are_the_original_s_record(bus: Bus, chain: Chain, tmp_path: Path) -> None:
    """FRAMEFORMAT=json, read by its definition: base64 of BGR rows, pixel for pixel; our consumer takes it as well."""
    written = cv2.imread(str(write_png(tmp_path / "still.png", 777)))

    with Tap(bus, chain.topic("videocam"), lambda record: record) as tap:
        producer = chain.produce(VIDEOLINK=str(tmp_path / "still.png"), CAMERA="raw", FRAMEFORMAT="json")
        wait_until(lambda: state(chain, "raw") == "ok", "it has a label")
        producer.ends()
        wait_until(lambda: any(record.key == b"raw" for record in list(tap.kept)), "its record has been read")

    record = next(record for record in tap.kept if record.key == b"raw")
    document = json.loads(record.value)
    assert set(document) == {"mat", "channels", "rows", "cols", "type"}
    assert (document["rows"], document["cols"], document["channels"], document["type"]) == (360, 640, 3, cv2.CV_8UC3)
    rows = np.frombuffer(base64.standard_b64decode(document["mat"]), np.uint8).reshape(360, 640, 3)
    assert written is not None
    assert np.array_equal(rows, written)
    assert chain.predictions("raw")[MODEL]["class"] == 777
    snapshot = get(f"http://{LOOPBACK}:{chain.port}/cameras/raw/snapshot.jpg")[1]
    assert same_below_the_label(snapshot, picture(777))


def same_below_the_label(jpeg: bytes, image: Image) -> bool:
    """Return whether a JPEG is what encoding an image gives, except for the rows with the label."""
    return np.array_equal(decode(jpeg)[CAPTION_ROWS:], decode(encode(image, 80))[CAPTION_ROWS:])
