"""Cameras as the producer sees them, each captured by a real process from a real server."""

import logging
import os
import signal
from pathlib import Path

import pytest

from local.ports import free_port
from shared.clock import now_us
from shared.frames import pixels
from shared.states import CameraState
from tests.conftest import Recovery
from tests.producer.cameras import BUNNY, http_camera, image
from tests.producer.watched import captures, command_line, watched
from tests.waiting import wait_until

USER, PASSWORD = "operator", "p@ss:w/rd%?#"


def test_mjpeg_passes_through_untouched() -> None:
    """The bytes of an MJPEG camera's pictures are published as they are, stamped after they were sent."""
    began = now_us()
    with http_camera() as http, watched(http.link()) as camera:
        frames = camera.gives(10)

        assert {frame.payload for frame in frames} == {http.frame}
        assert {(frame.width, frame.height) for frame in frames} == {(320, 240)}
        stamps = [frame.captured_at for frame in frames]
        assert began < stamps[0]
        assert stamps == sorted(set(stamps))
        assert stamps[-1] <= now_us()
        assert camera.camera.readiness() == "ok"
        assert camera.states == [CameraState.UP]


def test_a_producer_that_was_held_up_goes_on_with_the_newest() -> None:
    """Frames that wait while the producer is busy are not sent in a burst: the newest is, the others are counted."""
    with http_camera() as http, watched(http.link()) as camera:
        camera.gives(2)
        camera.go_on.clear()
        held_up_at = http.sent
        wait_until(lambda: http.sent > held_up_at + 20, "the camera goes on")
        before, sent = len(camera.frames), http.sent
        camera.go_on.set()
        camera.gives(3)

        wait_until(lambda: camera.dropped("superseded") >= 15, "what has waited is counted")
        assert len(camera.frames) - before <= http.sent - sent + 3


def test_another_size_in_the_middle_goes_on() -> None:
    """A camera that changes its resolution is neither down nor captured anew."""
    with http_camera() as http, watched(http.link()) as camera:
        camera.gives(2)
        http.frame = pixels.encode(image(640, 480), 80)

        frames = camera.gives(3, lambda frame: frame.width == 640)

        assert all(frame.height == 480 for frame in frames)
        assert http.requests == 1


@pytest.mark.fault(
    "camera: HTTP parts that are no pictures", expects="undecodable; the next picture is shown; no reconnect"
)
def test_garbage_is_counted_and_survived(recovery: Recovery) -> None:
    """Frames that are no pictures are counted as undecodable, and the next picture comes through."""
    with http_camera() as http, watched(http.link()) as camera:
        camera.gives(2)
        picture, http.frame = http.frame, b"\xff\xd8 this is no picture"
        wait_until(lambda: camera.dropped("undecodable") >= 3, "garbage is counted")
        http.frame = picture

        seconds = camera.again()

        assert http.requests == 1
        recovery.seen(f"{camera.dropped('undecodable')} parts undecodable, then pictures", seconds=seconds)


def test_a_fast_camera_is_thinned_and_counted() -> None:
    """Frames beyond the interval are thinned, and all that the camera gave are accounted for."""
    with http_camera() as http, watched(http.link(), interval_s=0.2) as camera:
        camera.gives(4)
        wait_until(lambda: camera.dropped("thinned") >= 10, "frames are thinned")

        assert len(camera.frames) * 2 < camera.dropped("thinned") + len(camera.frames)
        assert camera.dropped("thinned") + len(camera.frames) <= http.sent


def test_a_password_with_special_characters_works_and_is_seen_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """Characters that links reserve may stand in a password; it is in no log, no state and no process listing."""
    caplog.set_level(logging.DEBUG)
    with (
        http_camera(user=USER, password=PASSWORD) as http,
        watched(http.link(f"{USER}:{PASSWORD}")) as camera,
    ):
        camera.gives(2)
        (pid,) = captures()

        seen = command_line(pid) + Path(f"/proc/{pid}/environ").read_bytes()
        assert b"p@ss" not in seen
        assert USER.encode() not in seen
    assert "p@ss" not in caplog.text
    assert USER not in caplog.text


def test_a_refused_password_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """Authentication that is refused is a state of its own, tried again slowly, and logged once."""
    with http_camera(user=USER, password=PASSWORD) as http, watched(http.link(f"{USER}:wr0ng")) as camera:
        camera.becomes(CameraState.REFUSED)
        wait_until(lambda: http.requests >= 3, "it is tried again")  # FFmpeg asks twice: without and with the password

        assert camera.camera.readiness().startswith("refused: authentication refused")
        assert camera.states == [CameraState.REFUSED]
    assert [record.levelname for record in caplog.records].count("WARNING") == 1
    assert "wr0ng" not in caplog.text
    assert USER not in caplog.text


def test_a_camera_may_come_later(caplog: pytest.LogCaptureFixture) -> None:
    """A camera that is absent at the start is down, and up as soon as it is there."""
    port = free_port()
    with watched(f"http://127.0.0.1:{port}/stream") as camera:
        wait_until(lambda: "connection refused" in camera.camera.readiness(), "it is missed")
        missed = camera.camera.state

        with http_camera(port=port):
            camera.gives(2)
            found = camera.camera.state

        assert (missed.state, found.state) == (CameraState.DOWN, CameraState.UP)

        camera.becomes(CameraState.DOWN)
    assert camera.states[-2:] == [CameraState.UP, CameraState.DOWN]


def test_a_frozen_camera_is_noticed() -> None:
    """A camera that stays connected and sends nothing is frozen, and up again when pictures arrive."""
    with http_camera() as http, watched(http.link()) as camera:
        camera.gives(2)
        http.frozen.set()
        camera.becomes(CameraState.FROZEN)
        assert camera.camera.readiness().startswith("no frame for ")
        http.frozen.clear()

        camera.gives(2)

        assert camera.states == [CameraState.UP, CameraState.FROZEN, CameraState.UP]


@pytest.mark.fault("camera: a read that never returns", expects="frozen after 4 s; the capture is killed and replaced")
def test_a_capture_that_hangs_is_killed(recovery: Recovery) -> None:
    """A capture whose read never returns is noticed by the producer's own clock, killed and replaced."""
    with http_camera() as http, watched(http.link()) as camera:
        camera.gives(2)
        (hanging,) = captures()
        os.kill(hanging, signal.SIGSTOP)  # nothing in it runs any more, as in a driver's call

        camera.becomes(CameraState.FROZEN)
        seconds = camera.again()

        assert hanging not in captures()
        assert camera.camera.state.state == CameraState.UP
        recovery.seen("frozen, killed, up with another process", seconds=seconds)


@pytest.mark.fault("camera: its capture crashes", expects="down with the signal's number; started again at once")
def test_a_capture_that_crashes_is_started_again(recovery: Recovery, caplog: pytest.LogCaptureFixture) -> None:
    """A capture that dies on its own costs a moment; the reason names it, and the log has its last lines."""
    with http_camera() as http, watched(http.link()) as camera:
        camera.gives(2)
        (crashing,) = captures()
        os.kill(crashing, signal.SIGSEGV)

        camera.becomes(CameraState.DOWN)
        assert "crashed with status -11" in str(camera.camera.state.reason)
        assert caplog.messages.count("a capture crashed: it wrote nothing") == 1
        recovery.seen("down with its status, up with another process", seconds=camera.again())


@pytest.mark.parametrize("raw", [False, True])
def test_a_file_plays_at_its_own_rate(raw: bool) -> None:
    """A video of 25 frames a second gives one every 40 ms on average, none before it is due."""
    with watched(str(BUNNY), raw=raw) as camera:
        frames = camera.gives(20)

        size = {len(frame.payload) for frame in frames}
        assert (size == {1280 * 720 * 3}) is raw
        seconds = (frames[19].captured_at - frames[0].captured_at) / 1e6
        given = 19 + camera.dropped("superseded")
        assert seconds > given * 0.04 * 0.8
