import json
import re
import time
from io import BytesIO

import pytest
from PIL import Image

from shared.clock import now_us
from shared.frames.frame import Frame
from shared.report_reader import read_entry
from shared.reports import Entry
from tests.video.stage import RUN, Stage, entry, jpeg
from tests.waiting import wait_until
from video import cameras


def test_cameras_are_listed_with_what_there_is_to_know(stage: Stage) -> None:
    """The list has id, size, rate, age, viewers and state of each camera."""
    for number in range(1, 4):
        stage.show("front", number, jpeg(640, 360))
    stage.knows("front")

    (front,) = stage.get("/cameras").json()

    assert (front["id"], front["width"], front["height"]) == ("front", 640, 360)
    assert (front["state"], front["viewers"], front["clock"], front["notice"]) == ("up", 0, "ok", None)
    assert 0 <= front["age_ms"] < 10_000
    assert front["fps"] >= 0


def test_a_camera_that_only_its_producer_knows_is_listed_too(stage: Stage) -> None:
    """Viewers see that it is expected, and why it shows nothing."""
    refused = {"yard": {"state": "refused", "since": RUN, "reason": "authentication refused"}}
    stage.heard = lambda: [entry("producer", cameras=refused)]

    wait_until(lambda: stage.get("/cameras").json())

    (yard,) = stage.get("/cameras").json()
    assert (yard["id"], yard["state"], yard["notice"]) == ("yard", "refused", "CAMERA DOWN")
    assert yard["reason"] == "authentication refused"
    assert yard["width"] is None
    assert stage.get("/cameras/yard/snapshot.jpg").status_code == 503
    assert stage.get("/cameras/yard/predictions").json() == {"error": "camera 'yard' has given no frame yet"}


@pytest.mark.parametrize("path", ["stream", "snapshot.jpg", "predictions"])
def test_an_unknown_camera_is_answered_with_the_known_ones(stage: Stage, path: str) -> None:
    """The answer is 404 and lists the cameras that exist."""
    for camera in ("yard", "front"):
        stage.show(camera, 1)
        stage.knows(camera)

    answer = stage.get(f"/cameras/attic/{path}")

    assert answer.status_code == 404
    assert answer.json() == {"error": "there is no camera 'attic'", "cameras": ["front", "yard"]}


def test_a_snapshot_is_the_newest_frame(stage: Stage) -> None:
    """It is sent as it came, with its time, number and age in headers."""
    stage.show("front", 1)
    stage.knows("front")
    shown = stage.show("front", 2, jpeg(320, 240, "red"))
    wait_until(lambda: stage.get("/cameras/front/predictions").json()["seq"] == 2)

    answer = stage.get("/cameras/front/snapshot.jpg")

    assert answer.content == shown.jpeg
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-sequence"] == "2"
    assert answer.headers["x-timestamp"] == f"{shown.captured_at / 1e6:.6f}"
    assert int(answer.headers["x-age"]) >= 0


def test_a_snapshot_may_be_smaller(stage: Stage) -> None:
    """It is made by the rule for streams; the same frame is named in its headers."""
    stage.show("front", 7, jpeg(1280, 720))
    stage.knows("front")

    for path in ("/cameras/front/snapshot.jpg?width=300", "/?action=snapshot&width=300"):
        answer = stage.get(path)
        assert Image.open(BytesIO(answer.content)).size == (320, 180)
        assert answer.headers["x-sequence"] == "7"
    assert stage.get("/cameras/front/snapshot.jpg?width=0").status_code == 422


def test_predictions_are_those_of_the_newest_frame(stage: Stage) -> None:
    """The answer says what was drawn on it, and which frame it is."""
    shown: Frame = stage.show("front", 5)
    stage.knows("front")

    assert stage.get("/cameras/front/predictions").json() == {
        "camera": "front",
        "run": RUN,
        "seq": 5,
        "captured_at": shown.captured_at,
        "imprinted_at": shown.imprinted_at,
        "predictions": [{"model": "imagenet_1", "state": "ok", "label": "tabby", "probability": 0.87}],
    }


@pytest.mark.parametrize("nonsense", [b"", b"{", b'{"not": "a list"}', b"[" * 100_000])
def test_predictions_that_make_no_sense_are_none(stage: Stage, nonsense: bytes) -> None:
    """Anyone may write to the bus."""
    stage.show("front", 5, predictions=nonsense)
    stage.knows("front")

    assert stage.get("/cameras/front/predictions").json()["predictions"] == []


def test_browsers_get_the_page(stage: Stage) -> None:
    """Everything else gets pictures from the same address, so a cache must tell them apart."""
    answer = stage.get("/", Accept="text/html,application/xhtml+xml,*/*;q=0.8")

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["vary"] == "Accept"


def test_the_paths_are_documented_without_a_network(stage: Stage) -> None:
    """Programs get OpenAPI; people get a page that loads nothing from elsewhere."""
    document = stage.get("/openapi.json").json()
    answer = stage.get("/docs")

    assert {"/", "/cameras", "/cameras/{camera}/stream", "/cameras/{camera}/snapshot.jpg"} <= document["paths"].keys()
    assert answer.status_code == 200
    assert "/cameras/{camera}/predictions" in answer.text
    assert not re.search(r"https?://", answer.text)


def test_health_is_told_and_the_loop_beats(stage: Stage) -> None:
    """The path is for load balancers; the probes look at the loop's beat."""
    assert stage.get("/healthz").json() == {"status": "alive"}
    before = stage.beats
    wait_until(lambda: stage.beats > before)


def test_readiness_names_what_is_missing_and_keeps_nobody_away(stage: Stage) -> None:
    """A camera or the bus never makes it unready: viewers have to be told what is wrong."""
    stage.show("front", 1)
    wait_until(lambda: "camera/front" in stage.readiness.readiness(serving=True, broker="ok").parts)

    well = stage.readiness.readiness(serving=True, broker="ok")
    ill = stage.readiness.readiness(serving=True, broker="no answer for 7 s")
    starting = stage.readiness.readiness(serving=False, broker="ok")

    assert (well.ready, dict(well.parts)) == (True, {"http": "ok", "broker": "ok", "camera/front": "ok"})
    assert (ill.ready, ill.parts["broker"]) == (True, "no answer for 7 s")
    assert (starting.ready, starting.parts["http"]) == (False, "starting")


def test_strangers_cannot_fill_the_memory_with_cameras(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames of further cameras are dropped and counted."""
    monkeypatch.setattr(cameras, "MAX_CAMERAS", 3)
    for number in range(5):
        stage.show(f"camera-{number}", 1)

    wait_until(lambda: stage.metric("video_frames_in_total", camera="camera-4") == 1)
    assert stage.metric("video_frames_dropped_total", camera="camera-4", reason="too_many_cameras") == 1
    assert len(stage.get("/cameras").json()) == 3


def test_a_status_full_of_nonsense_stops_nothing(stage: Stage) -> None:
    """Anyone may write to `videostatus`; what makes sense in a record is used."""
    stage.show("front", 1)
    stage.knows("front")

    def record(service: str, **parts: object) -> Entry:
        head = {"service": service, "instance": "host", "at": now_us(), "ending": False}
        document = head | {"cameras": {}, "models": {}, "ledger": {}} | parts
        return read_entry(json.dumps(document).encode(), heard_at=time.monotonic())

    stage.heard = lambda: [
        record("producer", cameras={"front": "down"}),
        record("producer", cameras={"../etc": {"state": 7}, "x" * 5000: {}}),
        record("producer", cameras={"front": {"state": "down", "since": -(10**400)}}),
        record("consumer", models={"m": []}, ledger={"front": {"in": "many", "dropped": None}}),
        record("consumer", models={"m": {"state": ["up"]}}, ledger={"front": {"in": None}}),
    ]
    before = stage.beats

    wait_until(lambda: stage.beats > before + 3)

    assert stage.failure is None
    assert [camera["id"] for camera in stage.get("/cameras").json()] == ["front"]
