import asyncio
import logging
import threading
import time

import pytest

from shared.frames.reader import ReceivedFrame
from shared.reports import Entry
from shared.states import CameraState
from tests.conftest import Recovery
from tests.reports import report_of
from tests.video.stage import RUN, Stage, frame, jpeg
from tests.video.test_websocket import page
from tests.waiting import wait_until
from video import cameras as module
from video.camera import REMOVED_FOR_S
from video.cameras import FORGET_AFTER_S, Cameras
from video.change_log import MAX_LINES, ChangeLog
from video.diagnosis import Diagnosis


def named(*cameras: str, at: float, **said: object) -> list[Entry]:
    """Return a producer's report at a monotonic time that names cameras."""
    report = report_of(cameras={camera: {"state": "up", "since": RUN} | said for camera in cameras})
    return [Entry("producer", "host", at, RUN, False, report)]


def look(cameras: Cameras, entries: list[Entry], now: float) -> None:
    cameras.diagnose(entries, bus_silent_s=0.0, bus_well_s=1000.0, now=now)


def put(cameras: Cameras, camera: str, seq: int = 1) -> bool:
    return cameras.put(ReceivedFrame(frame(camera, seq), clock_suspect=False))


@pytest.fixture
def cameras() -> Cameras:
    return Cameras()


@pytest.mark.fault(
    "one status record names a thousand cameras",
    expects="a camera with frames at once takes the place of an unused name; unused names expire after ten minutes",
)
def test_a_frame_comes_before_a_name(cameras: Cameras, monkeypatch: pytest.MonkeyPatch, recovery: Recovery) -> None:
    """Names that nobody gives a frame for make room, the camera with frames stays."""
    monkeypatch.setattr(module, "MAX_CAMERAS", 3)
    now = time.monotonic()
    look(cameras, named("a", "b", "c", "d", at=now), now)
    assert len(cameras.ids()) == 3

    assert put(cameras, "real")

    assert "real" in cameras.ids()
    assert len(cameras.ids()) == 3
    look(cameras, named("a", "b", "c", "d", at=now + 1), now + 1)
    assert "real" in cameras.ids()
    recovery.seen("shown with its first frame", seconds=0.0)


def test_cameras_that_give_frames_make_no_room(cameras: Cameras, monkeypatch: pytest.MonkeyPatch) -> None:
    """A further one is refused, until one of them has given none for ten minutes."""
    monkeypatch.setattr(module, "MAX_CAMERAS", 2)
    assert put(cameras, "a")
    assert put(cameras, "b")
    assert not put(cameras, "c")

    monkeypatch.setattr(module, "FORGET_AFTER_S", 0.0)

    assert put(cameras, "c")
    assert cameras.ids() == ["b", "c"]


def test_a_name_that_nobody_mentions_any_more_is_forgotten_after_ten_minutes(cameras: Cameras) -> None:
    """What is still reported stays, and so does what somebody watches."""
    put(cameras, "left")
    put(cameras, "watched")
    put(cameras, "down")
    watched = cameras.get("watched")
    left = cameras.get("left")
    assert watched is not None
    assert left is not None
    watched.slot.watch(asyncio.Event())
    version, now = cameras.version, time.monotonic()

    look(cameras, named("down", at=now), now + FORGET_AFTER_S - 1)
    assert cameras.ids() == ["down", "left", "watched"]
    look(cameras, named("down", at=now), now + FORGET_AFTER_S + 1)

    assert cameras.ids() == ["down", "watched"]
    assert left.gone
    assert cameras.version > version


def test_a_removed_camera_leaves_after_a_minute(cameras: Cameras) -> None:
    """Also if somebody watches it, and however long its producer reports it; a new page never learns of it."""
    put(cameras, "old")
    put(cameras, "kept")
    old = cameras.get("old")
    assert old is not None
    old.slot.watch(asyncio.Event())
    now = time.monotonic() + 10
    removed = named("old", at=now, state="removed", title="Old door", tags=["outside"])

    look(cameras, removed, now)
    assert (old.diagnosis.state, old.title, old.tags) == (CameraState.REMOVED, "Old door", ("outside",))
    look(cameras, removed, now + REMOVED_FOR_S - 1)
    assert cameras.ids() == ["kept", "old"]
    look(cameras, removed, now + REMOVED_FOR_S + 1)
    look(cameras, named("old", at=now + 61, state="removed"), now + REMOVED_FOR_S + 2)

    assert cameras.ids() == ["kept"]
    assert old.gone


def test_a_camera_that_flaps_is_logged_once_a_second(caplog: pytest.LogCaptureFixture) -> None:
    """However often its state changes; and what is left out is counted."""
    changes = ChangeLog()
    down = Diagnosis(CameraState.DOWN, 0.0, "refused")
    with caplog.at_level(logging.INFO):
        for at in range(100):
            changes.changed("front", down, at / 50)
        changes.changed("front", down, 5.0)

    messages = [record.getMessage() for record in caplog.records]
    assert messages.count("viewers see: camera is down") == 3
    assert messages.count("cameras change too fast to log every change") == 2


def test_the_last_line_about_a_camera_is_true(caplog: pytest.LogCaptureFixture) -> None:
    """A change within a second of the one before is logged when the second is over, without a warning."""
    changes = ChangeLog()
    with caplog.at_level(logging.INFO):
        changes.changed("front", Diagnosis(CameraState.DOWN, 0.0, "starting"), 1.0)
        changes.changed("front", Diagnosis(CameraState.UP, 0.0), 1.3)
        changes.catch_up(1.9)
        changes.catch_up(2.1)
        changes.catch_up(3.5)

    assert [record.getMessage() for record in caplog.records] == ["viewers see: camera is down", "camera is live"]


def test_a_thousand_cameras_that_flap_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """There is a limit in all, too."""
    changes = ChangeLog()
    with caplog.at_level(logging.INFO):
        for number in range(1000):
            changes.changed(f"camera-{number}", Diagnosis(CameraState.UP, 0.0), 1.0)

    assert len(caplog.records) == MAX_LINES


@pytest.mark.fault(
    "a camera whose pictures take seconds to decode",
    expects="its own small pictures are missing; the page's other cameras keep their rate",
)
def test_the_page_is_sent_what_is_ready(monkeypatch: pytest.MonkeyPatch, recovery: Recovery) -> None:
    """One picture that is not made yet holds up no other camera."""
    released = threading.Event()
    expensive = jpeg(640, 360, "red")

    def slow(data: bytes, scale: int) -> bytes:
        if data == expensive:
            assert released.wait(60)
        return jpeg(80, 45)

    monkeypatch.setattr(module, "scaled", slow)
    with Stage() as stage, page(stage) as browser:
        stage.show("hostile", 1, expensive)
        stage.show("front", 1, jpeg(640, 360))
        stage.knows("front")
        stage.knows("hostile")
        browser.say(type="watch", cameras={"hostile": {"width": 80}, "front": {"width": 80}})
        for seq in range(2, 22):
            while (seen := browser.see()[0])["seq"] != seq - 1 or seen["camera"] != "front":
                assert seen["camera"] == "front"
            stage.show("front", seq, jpeg(640, 360))
        released.set()
        wait_until(lambda: browser.see()[0]["camera"] == "hostile")
    recovery.seen("20 of 20 frames of the other camera", seconds=None)
