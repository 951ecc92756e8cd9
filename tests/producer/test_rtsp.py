"""RTSP cameras, captured by a real process: a camera of ours that can be told to fail.

Other people's servers are in test_rtsp_servers.py.
"""

import logging
import re
import ssl
import subprocess
import time
from itertools import accumulate, pairwise
from pathlib import Path

import pytest

from local.ports import free_port
from producer.protocol import Message
from shared.states import CameraState
from tests.conftest import Recovery
from tests.end_to_end.numbered import picture, read_number
from tests.producer.cameras import http_camera
from tests.producer.rtsp_camera import Manners, RtspCamera, rtsp_camera
from tests.producer.rtsp_video import Video, video
from tests.producer.watched import Watched, captures, command_line, watched
from tests.requirements import need
from tests.waiting import wait_until

USER, PASSWORD = "operator", 'p@ss:w/rd%?#"ü'
PICTURES = 25  # of a video
LONG_S = 20.0  # long enough to reach the longest wait between two attempts


@pytest.fixture(scope="module")
def h264() -> Video:
    return video()


def numbers(frames: list[Message]) -> list[int]:
    return [read_number(frame.payload) for frame in frames]


def places(frames: list[Message]) -> list[int]:
    """Return which of the camera's pictures frames are, counted from the first one's number."""
    seen = numbers(frames)
    return list(accumulate(((after - before) % PICTURES for before, after in pairwise(seen)), initial=seen[0]))


def nothing_is_missing(camera: Watched) -> bool:
    """Tell whether every picture that was not seen was overtaken by a newer one; a busy machine lets that happen."""
    place = places(camera.frames.copy())
    return place[-1] - place[0] + 1 - len(place) <= camera.dropped("superseded")


@pytest.mark.parametrize("codec", ["H264", "H265", "JPEG"])
def test_a_picture_is_there_with_its_last_byte(codec: str) -> None:
    """Each picture is captured before the next one is sent: FFmpeg's reader would wait for that. None is missing."""
    with rtsp_camera(video(codec)) as rtsp, watched(rtsp.link()) as camera:
        camera.gives(30)
        frames = camera.frames.copy()
        sent = dict(rtsp.sent)

        assert nothing_is_missing(camera)
        assert camera.dropped("undecodable") == 0
        late_s = [frame.captured_at / 1e6 - sent[place] for place, frame in zip(places(frames), frames, strict=True)]
        assert min(late_s) < 0.02, "the next picture was sent 0.04 s later"


@pytest.mark.parametrize("codec", ["H264", "H265"])
def test_parameter_sets_may_come_in_the_description_only(codec: str) -> None:
    """What a decoder has to know first is taken from the session description where the stream does not have it."""
    with rtsp_camera(video(codec, in_band=False)) as rtsp, watched(rtsp.link()) as camera:
        camera.gives(30)
        assert nothing_is_missing(camera)


@pytest.mark.parametrize("markers", ["none", "each"])
def test_marker_bits_that_say_nothing(markers: str, h264: Video) -> None:
    """Where a camera sets no marker bit, or one in every packet, a picture ends when the next begins."""
    with rtsp_camera(h264, Manners(markers=markers)) as rtsp, watched(rtsp.link()) as camera:
        camera.gives(30)
        camera.frames.clear()  # what was cut in pieces until that was understood is over with the next whole picture
        before = camera.dropped("undecodable")
        camera.gives(30)
        assert nothing_is_missing(camera)
        assert camera.dropped("undecodable") == before


@pytest.mark.parametrize("schemes", [("Basic",), ("MD5",), ("SHA-256",), ("Basic", "MD5", "SHA-256")])
def test_every_way_to_ask_for_a_password(
    schemes: tuple[str, ...], h264: Video, caplog: pytest.LogCaptureFixture
) -> None:
    """The password is proved in the strongest way that is offered, also when a nonce gets old, and seen nowhere."""
    caplog.set_level(logging.DEBUG)
    manners = Manners(user=USER, password=PASSWORD, schemes=schemes, nonces_last=2)
    with rtsp_camera(h264, manners) as rtsp, watched(rtsp.link(f"{USER}:{PASSWORD}")) as camera:
        camera.gives(2)

        proofs = [authorization for method, authorization in rtsp.requests if method == "PLAY"]
        assert ("SHA-256" in proofs[-1]) is ("SHA-256" in schemes)
        assert proofs[-1].startswith("Basic") is (schemes == ("Basic",))
        assert camera.states == [CameraState.UP]
        (pid,) = captures()
        seen = (command_line(pid) + Path(f"/proc/{pid}/environ").read_bytes()).decode()
    assert "p@ss" not in caplog.text + seen
    assert USER not in seen
    assert USER not in caplog.text


@pytest.mark.fault(
    "camera: wrong password", expects="refused, logged once; one attempt every 2 to 4 s; up once the password is right"
)
def test_a_wrong_password_is_tried_once_at_a_time(
    h264: Video, caplog: pytest.LogCaptureFixture, recovery: Recovery
) -> None:
    """A wrong password is tried once per attempt: cameras lock out who tries more; and it is logged once."""
    with (
        rtsp_camera(h264, Manners(user=USER, password=PASSWORD)) as rtsp,
        watched(rtsp.link(f"{USER}:wr0ng")) as camera,
    ):
        began = time.monotonic()
        wait_until(lambda: len(tried(rtsp)) >= 3, "it is tried again and again")
        seconds = time.monotonic() - began

        assert camera.states == [CameraState.REFUSED]
        assert camera.camera.readiness().startswith("refused: authentication refused")
        assert seconds > 3, "two waits of at least 2 s, the start of Python left out"
        assert [record.levelname for record in caplog.records].count("WARNING") == 1
        rtsp.manners.user = ""
        recovery.seen(f"3 tries in {seconds:.0f} s, one line in the log", seconds=camera.again())
    assert "wr0ng" not in caplog.text


def tried(rtsp: RtspCamera) -> list[str]:
    """Return the authorizations that a camera was given, in whatever request."""
    return [authorization for _, authorization in rtsp.requests.copy() if authorization]


@pytest.mark.parametrize(
    ("method", "status", "state", "reason"),
    [
        ("DESCRIBE", "404 Not Found", CameraState.REFUSED, "no such path (404)"),
        ("DESCRIBE", "403 Forbidden", CameraState.REFUSED, "access forbidden (403)"),
        ("SETUP", "453 Not Enough Bandwidth", CameraState.REFUSED, "refuses the request (453)"),
        ("PLAY", "503 Service Unavailable", CameraState.DOWN, "an internal error (503)"),
        ("DESCRIBE", "302 Found", CameraState.DOWN, "the status 302"),
    ],
)
def test_refusals_are_named(method: str, status: str, state: CameraState, reason: str, h264: Video) -> None:
    """What a camera answers instead of pictures is said in its state."""
    with rtsp_camera(h264, Manners(statuses={method: status})) as rtsp, watched(rtsp.link()) as camera:
        camera.becomes(state)
        wait_until(lambda: reason in str(camera.camera.state.reason), reason)


@pytest.mark.fault(
    "camera: too many viewers", expects="refused with the camera's own status; tried again every 2 to 4 s"
)
def test_a_camera_that_is_full_is_tried_again(h264: Video, recovery: Recovery) -> None:
    """A camera that has no room for us is refused, and up soon after it has."""
    manners = Manners(statuses={"SETUP": "453 Not Enough Bandwidth"})
    with rtsp_camera(h264, manners) as rtsp, watched(rtsp.link()) as camera:
        camera.becomes(CameraState.REFUSED)
        manners.statuses.clear()
        recovery.seen("refused (453), then up", seconds=camera.again())


def test_redirections_are_followed_on_the_same_host_only(h264: Video) -> None:
    """A camera may name another link of its own host; another host is not even connected to."""
    with rtsp_camera(h264, Manners(user=USER, password=PASSWORD)) as there:
        manners = Manners(user=USER, password=PASSWORD, redirect=there.link())
        with rtsp_camera(h264, manners) as here, watched(here.link(f"{USER}:{PASSWORD}")) as camera:
            camera.gives(2)
        manners.redirect = there.link().replace("127.0.0.1", "localhost")
        before = len(there.requests)
        with rtsp_camera(h264, manners) as here, watched(here.link(f"{USER}:{PASSWORD}")) as camera:
            wait_until(lambda: "another host" in str(camera.camera.state.reason), "it is refused")
        assert len(there.requests) == before


@pytest.mark.parametrize(
    ("public", "sign"),
    [("DESCRIBE, GET_PARAMETER, SETUP, PLAY", "GET_PARAMETER"), ("DESCRIBE, SETUP, PLAY", "OPTIONS")],
)
def test_signs_of_life_keep_the_session(public: str, sign: str, h264: Video) -> None:
    """The camera hangs up when it hears nothing for its session's timeout; it hears of us before, in words it knows."""
    manners = Manners(timeout_s=2, public=public, user=USER, password=PASSWORD, nonces_last=4)
    with rtsp_camera(h264, manners) as rtsp, watched(rtsp.link(f"{USER}:{PASSWORD}")) as camera:
        camera.gives(1)
        before = rtsp.asked(sign)
        wait_until(lambda: len(rtsp.asked(sign)) >= len(before) + 5, "signs of life")

        assert camera.states == [CameraState.UP]
        assert len(rtsp.asked("PLAY")) == 1


def test_leave_is_taken_at_the_end(h264: Video) -> None:
    """A capture that ends says so: many cameras keep a place for whoever only hangs up."""
    with rtsp_camera(h264) as rtsp:
        with watched(rtsp.link()) as camera:
            camera.gives(2)
        wait_until(lambda: rtsp.asked("TEARDOWN"), "leave is taken")


def test_requests_of_the_camera_are_answered(h264: Video) -> None:
    """A camera may ask whether we are there, in the middle of its pictures."""
    with rtsp_camera(h264) as rtsp, watched(rtsp.link()) as camera:
        camera.gives(2)
        rtsp.insert.put(b"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n")
        wait_until(lambda: "RTSP/1.0" in [method for method, _ in rtsp.requests], "an answer")
        camera.gives(10)
        assert nothing_is_missing(camera)
        assert camera.dropped("undecodable") == 0


def test_rtsp_over_tls(h264: Video, tmp_path: Path) -> None:
    """A camera with a certificate that it signed itself is captured over TLS; one without TLS is told apart."""
    with (
        rtsp_camera(h264, tls=certificate(tmp_path)) as rtsp,
        watched(rtsp.link()) as camera,
    ):
        camera.gives(10)
        assert nothing_is_missing(camera)
    with http_camera() as http, watched(f"rtsps://127.0.0.1:{http.port}/") as camera:
        wait_until(lambda: "no TLS connection" in camera.camera.readiness(), "it is told apart")


def certificate(folder: Path) -> ssl.SSLContext:
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=camera", "-days", "1"]
    try:
        subprocess.run([*command, "-keyout", key, "-out", cert], check=True, capture_output=True)
    except FileNotFoundError:
        need("openssl", present=False, install="apt-get install openssl")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


def test_what_is_not_ours_is_left_to_ffmpeg(h264: Video, caplog: pytest.LogCaptureFixture) -> None:
    """A camera that says it sends in a way that our reader does not know is captured by FFmpeg's; the log says why."""
    caplog.set_level(logging.DEBUG)
    description = h264.description.replace("video 0 RTP/AVP", "video 0 RTP/SAVP")
    with rtsp_camera(h264, Manners(description=description)) as rtsp, watched(rtsp.link()) as camera:
        camera.gives(10)
        assert nothing_is_missing(camera)
    assert "FFmpeg's reader takes over: H264 over RTP/SAVP" in caplog.text


def test_what_is_no_rtsp_camera_is_said() -> None:
    """A link that leads to a web server says so."""
    with http_camera() as http, watched(http.link().replace("http:", "rtsp:")) as camera:
        wait_until(lambda: "not RTSP" in camera.camera.readiness(), "it is said")


@pytest.mark.fault(
    "camera: loses packets", expects="no smeared picture; undecodable until the next whole one; no reconnect"
)
def test_lost_packets_cost_pictures_and_no_more(h264: Video, recovery: Recovery) -> None:
    """A picture with a part missing, and those that refer to it, are counted and not shown."""
    with rtsp_camera(h264) as rtsp, watched(rtsp.link()) as camera:
        camera.gives(30)
        rtsp.lose = 2
        wait_until(lambda: camera.dropped("undecodable") >= 1, "it is counted")
        began = time.monotonic()
        frames = camera.gives(25)
        seconds = frames[0].captured_at / 1e6 - time.time() + time.monotonic() - began

        assert all(0 <= number < 25 for number in numbers(frames))
        assert rtsp.asked("PLAY") == [""]
        assert camera.states == [CameraState.UP]
        lost = camera.dropped("undecodable")
        recovery.seen(f"{lost} pictures undecodable, every other one right", seconds=max(0.0, seconds))


@pytest.mark.fault("camera: garbage between packets", expects="counted, nothing else lost, no reconnect")
def test_garbage_between_packets_is_passed_over(h264: Video, recovery: Recovery) -> None:
    """Bytes that are nothing, in the middle of a picture: it is found again where the next packet begins."""
    with rtsp_camera(h264) as rtsp, watched(rtsp.link()) as camera:
        camera.gives(2)
        rtsp.insert.put(b"garbage \x00\xff$\x00\x00\x01$\x07\x40\x00 and the like" * 20)
        wait_until(lambda: camera.dropped("undecodable") == 1, "it is counted")
        camera.gives(10)

        assert nothing_is_missing(camera)
        assert rtsp.asked("PLAY") == [""]
        recovery.seen(f"counted once, {len(camera.frames)} pictures in a row", seconds=0.0)


@pytest.mark.fault(
    "camera: sends nothing but garbage", expects="down with that reason after 3 s; up when pictures arrive again"
)
def test_nothing_but_garbage_is_a_camera_that_is_down(h264: Video, recovery: Recovery) -> None:
    """A camera that has gone mad is down, and up again when it is itself again."""
    with rtsp_camera(h264) as rtsp, watched(rtsp.link()) as camera:
        camera.gives(2)
        rtsp.babbles.set()
        camera.becomes(CameraState.DOWN)
        # On a busy machine the watchdog, which counts whatever comes, may be first.
        reason = camera.camera.state.reason or ""
        assert re.fullmatch(r"the data that it sends is not video|it has sent data for \d+ s, but no picture", reason)
        rtsp.babbles.clear()
        recovery.seen("down with the reason, then up", seconds=camera.again())


@pytest.mark.fault(
    "camera: another resolution in mid-stream", expects="the next picture has the new size; no reconnect"
)
@pytest.mark.parametrize("codec", ["H264"])
def test_another_resolution_goes_on(codec: str, recovery: Recovery) -> None:
    """A camera that changes its resolution is neither down nor captured anew."""
    with rtsp_camera(video(codec)) as rtsp, watched(rtsp.link()) as camera:
        camera.gives(2)
        larger = video(codec, [picture(number, 1280, 720) for number in range(5)])
        began = time.monotonic()
        rtsp.shown = larger
        frames = camera.gives(10, lambda frame: frame.width == 1280)
        seconds = time.monotonic() - began - 9 / 25

        assert all(frame.height == 720 for frame in frames)
        assert rtsp.asked("PLAY") == [""]
        assert camera.states == [CameraState.UP]
        recovery.seen("1280×720 after 640×360, nothing reconnected", seconds=max(0.0, seconds))


@pytest.mark.fault("camera: frozen while connected", expects="frozen after 3 s; up when pictures arrive again")
def test_a_frozen_camera_is_noticed(h264: Video, recovery: Recovery) -> None:
    """A camera that stays connected and sends nothing is frozen, and up again when pictures arrive."""
    with rtsp_camera(h264) as rtsp, watched(rtsp.link()) as camera:
        camera.gives(2)
        rtsp.frozen.set()
        camera.becomes(CameraState.FROZEN)
        assert camera.camera.state.reason == "connected, but silent for 3 s"
        rtsp.frozen.clear()
        seconds = camera.again()

        assert camera.states == [CameraState.UP, CameraState.FROZEN, CameraState.UP]
        recovery.seen("up, frozen, up", seconds=seconds)


@pytest.mark.fault("camera: absent at the start", expects="down: connection refused; up when it is there")
def test_a_camera_may_come_later(h264: Video, recovery: Recovery) -> None:
    """A camera that is absent at the start is down, and up as soon as it is there."""
    port = free_port()
    with watched(f"rtsp://127.0.0.1:{port}/live?channel=1") as camera:
        wait_until(lambda: "connection refused" in camera.camera.readiness(), "it is missed")
        with rtsp_camera(h264, port=port):
            seconds = camera.again()
            recovery.seen("down, then up", seconds=seconds)
            assert camera.states == [CameraState.DOWN, CameraState.UP]


@pytest.mark.fault(
    "camera: away for long", expects="retried at least every 4 s, never in step with others; up when it is back"
)
def test_a_camera_that_comes_back_after_long(h264: Video, recovery: Recovery) -> None:
    """However long a camera is away, it is tried often enough to be up soon after it is back."""
    with watched(f"rtsp://127.0.0.1:{(port := free_port())}/live?channel=1") as camera:
        with rtsp_camera(h264, port=port):
            camera.gives(2)
        camera.becomes(CameraState.DOWN)
        began = time.monotonic()
        time.sleep(LONG_S)  # the fault itself
        with rtsp_camera(h264, port=port):
            seconds = camera.again()
            recovery.seen(f"away for {time.monotonic() - began:.0f} s, then up", seconds=seconds)
            assert camera.states[-1] == CameraState.UP
