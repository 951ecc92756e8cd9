import json
import time

import pytest

from shared.frames.reader import ReceivedFrame
from shared.reports import LedgerReport
from tests.video.stage import RUN, Stage, entry, frame
from tests.waiting import wait_until
from video import cameras as module
from video.cameras import Cameras
from video.history import INTERVAL_S, MAX_FINDINGS, MAX_LABEL, MAX_LABELS, MAX_REASONS, POINTS, History, Json


def seen(*labels: str, probability: float = 0.5, state: str = "ok") -> list[Json]:
    return [{"model": "m", "state": state, "label": label, "probability": probability} for label in labels]


def dropped(**reasons: int) -> dict[str, LedgerReport]:
    return {"consumer": LedgerReport(dropped=reasons)}


def test_a_point_has_rate_age_drops_and_the_findings_seen_most_often() -> None:
    history = History(RUN, 0.0)
    history.turn(dropped(model_busy=100), RUN, 0.0)
    for second in range(10):
        for _ in range(5):
            history.note_frame(0.02 if second else 0.2)
        history.sample(seen("cat", *(["dog"] if second % 2 else []), probability=second / 10), frames=second + 1)
    history.turn({**dropped(model_busy=130), "video": LedgerReport(lost_upstream=0)}, RUN + 10_000_000, 10.0)

    point, empty = history.as_json(10.0)

    assert (point["at"], point["fps"], point["age_ms"], point["age_max_ms"]) == (RUN, 5.0, 38.0, 200.0)
    assert point["dropped"] == {"consumer": {"model_busy": 30}}
    assert point["findings"] == [
        {"model": "m", "label": "cat", "probability": 0.9, "share": 1.0},
        {"model": "m", "label": "dog", "probability": 0.9, "share": 0.5},
    ]
    assert (empty["fps"], empty["age_ms"], empty["dropped"], empty["findings"]) == (0.0, None, {}, [])


def test_the_present_point_shows_what_has_been_so_far() -> None:
    """A viewer that opens the camera after four seconds need not wait for the other six."""
    history = History(RUN, 0.0)
    history.turn(dropped(superseded=1), RUN, 0.0)
    for _ in range(20):
        history.note_frame(None)
    history.turn(dropped(superseded=4), RUN, 4.0)

    (point,) = history.as_json(4.0)

    assert (point["fps"], point["age_ms"], point["dropped"]) == (5.0, None, {"consumer": {"superseded": 3}})


def test_a_service_that_restarts_drops_nothing_anew() -> None:
    history = History(RUN, 0.0)
    history.turn(dropped(superseded=500), RUN, 0.0)
    history.turn(dropped(superseded=3), RUN, 10.0)
    history.turn(dropped(superseded=5), RUN, 20.0)

    assert [point["dropped"] for point in history.as_json(20.0)] == [{}, {"consumer": {"superseded": 2}}, {}]


def test_old_answers_and_frames_seen_before_are_no_findings() -> None:
    history = History(RUN, 0.0)
    history.sample(seen("old", state="stale"), frames=1)
    history.sample(seen("cat"), frames=2)
    history.sample(seen("cat"), frames=2)
    boxes = [{"label": "person", "probability": 0.7}, {"label": "person", "probability": 0.9}, {"label": 5}, None]
    history.sample([{"model": "d", "state": "ok", "label": None, "boxes": boxes}], frames=3)

    (point,) = history.as_json(1.0)

    assert [(one["label"], one["share"], one["probability"]) for one in point["findings"]] == [
        ("person", 0.333, 0.9),
        ("cat", 0.333, 0.5),
    ]


def test_what_is_kept_is_bounded() -> None:
    """Whatever labels and reasons anyone writes to the bus."""
    history = History(RUN, 0.0)
    for second in range(3 * POINTS * int(INTERVAL_S)):
        history.sample(seen(*(f"{second}-{number}-{'x' * 10_000}" for number in range(100))), frames=second + 1)
        reasons = {f"reason-{number}": second * number for number in range(50)}
        history.turn(dropped(**reasons), RUN, float(second))

    points = history.as_json(1000.0)

    assert len(points) == POINTS + 1
    assert all(len(point["findings"]) == MAX_FINDINGS for point in points)
    assert all(len(finding["label"]) <= MAX_LABEL for point in points for finding in point["findings"])
    assert all(sum(len(reasons) for reasons in point["dropped"].values()) <= MAX_REASONS for point in points)
    assert len(history._point.findings) <= MAX_LABELS
    assert len(json.dumps(points)) < 100_000


def test_a_bounded_number_of_cameras_have_a_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first ones with frames; when one is forgotten, another gets its place."""
    monkeypatch.setattr(module, "MAX_HISTORIES", 1)
    monkeypatch.setattr(module, "MAX_CAMERAS", 2)
    cameras = Cameras()

    def put(camera: str) -> None:
        cameras.put(ReceivedFrame(frame(camera, 1), clock_suspect=False))

    put("a")
    put("b")
    with_history = [camera.id for camera in cameras if camera.history is not None]
    assert with_history == ["a"]
    monkeypatch.setattr(module, "FORGET_AFTER_S", 0.0)
    put("c")  # in the place of a
    put("c")
    assert [camera.id for camera in cameras if camera.history is not None] == ["c"]


def test_a_viewer_that_arrives_later_sees_what_has_been() -> None:
    with Stage() as stage:
        stage.heard = lambda: [entry("consumer", ledger={"front": {"in": 9, "out": 2, "dropped": {"superseded": 7}}})]
        for seq in range(1, 4):
            stage.show("front", seq)
        stage.knows("front")

        def finding() -> bool:
            (point,) = stage.get("/cameras/front/history").json()["points"]
            return bool(point["findings"])

        wait_until(finding)
        answer = stage.get("/cameras/front/history")

    assert answer.headers["cache-control"] == "no-store"
    document = answer.json()
    (point,) = document["points"]
    assert (document["camera"], document["interval_s"]) == ("front", INTERVAL_S)
    assert point["findings"] == [{"model": "imagenet_1", "label": "tabby", "probability": 0.87, "share": 1.0}]
    assert point["fps"] > 0
    assert point["age_ms"] >= 0
    assert abs(point["at"] / 1e6 - time.time()) < 60


def test_an_unknown_camera_has_no_history() -> None:
    with Stage() as stage:
        assert stage.get("/cameras/nobody/history").status_code == 404
