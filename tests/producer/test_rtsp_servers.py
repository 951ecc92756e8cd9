"""RTSP as other people's servers speak it: aio-rtsp-toolkit's, and GStreamer's, on which many cameras are built."""

import logging
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest

from shared.frames import pixels
from shared.states import CameraState
from tests.end_to_end.numbered import RATE, picture
from tests.producer.cameras import BUNNY, rtsp_guard, rtsp_server
from tests.producer.watched import watched
from tests.requirements import need

USER, PASSWORD = "operator", "p@ss:w/rd%?#"
PYTHON = Path("/usr/bin/python3")  # Debian's, which has the bindings
BINDINGS = 'import gi; gi.require_version("GstRtspServer", "1.0"); gi.require_version("GstRtsp", "1.0")'
PACKAGES = "gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-base python3-gi"


def test_rtsp_is_captured_over_tcp() -> None:
    """A real server's video arrives decoded and encoded anew, in the video's size."""
    with rtsp_server() as port, watched(f"rtsp://127.0.0.1:{port}/{BUNNY.name}") as camera:
        frames = camera.gives(10)

        assert {(frame.width, frame.height) for frame in frames} == {(1280, 720)}
        assert pixels.decode(frames[-1].payload).std() > 1


def test_a_gate_that_wants_a_password() -> None:
    """A password with special characters opens it, a wrong one is refused, and so is a path that is not there."""
    with rtsp_server() as server, rtsp_guard(server, user=USER, password=PASSWORD) as port:
        with watched(f"rtsp://{USER}:{PASSWORD}@127.0.0.1:{port}/{BUNNY.name}") as camera:
            camera.gives(2)
        with watched(f"rtsp://{USER}:wrong@127.0.0.1:{port}/{BUNNY.name}") as camera:
            camera.becomes(CameraState.REFUSED)
        with watched(f"rtsp://127.0.0.1:{server}/nothing.mp4") as camera:
            camera.becomes(CameraState.REFUSED)
            assert "path" in camera.camera.readiness()


def write(path: Path, encoder: str, **options: str) -> None:
    """Write numbered pictures into a file, and no B frames."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(encoder, rate=Fraction(RATE))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        stream.options = {"g": "25", "bf": "0", **options}
        for number in range(250):
            frame = av.VideoFrame.from_ndarray(picture(number % 50), format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.fixture(scope="module")
def gstreamer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Run it, and return the ports of the open and of the locked server."""
    try:
        present = not subprocess.run([PYTHON, "-c", BINDINGS], capture_output=True, check=False).returncode
    except FileNotFoundError:
        present = False
    need("GStreamer's RTSP server", present=present, install=f"apt-get install {PACKAGES}")
    folder = tmp_path_factory.mktemp("videos")
    write(folder / "h264.mp4", "libx264", preset="ultrafast", tune="zerolatency")
    write(folder / "h265.mkv", "libx265", preset="ultrafast", tune="zerolatency", **{"x265-params": "log-level=none"})
    write(folder / "mpeg4.mp4", "mpeg4")
    program = str(Path(__file__).with_name("gstreamer_server.py"))
    with subprocess.Popen([PYTHON, program, folder], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            opened, locked = process.stdout.readline().split()
            yield opened, locked
        finally:
            process.kill()


@pytest.mark.parametrize("path", ["h264", "h265", "jpeg"])
def test_gstreamer_s_videos_are_ours(gstreamer: tuple[str, str], path: str, caplog: pytest.LogCaptureFixture) -> None:
    """H.264, H.265 and JPEG as GStreamer sends them are read by our own reader, without one that is damaged."""
    caplog.set_level(logging.DEBUG)
    with watched(f"rtsp://127.0.0.1:{gstreamer[0]}/{path}") as camera:
        frames = camera.gives(30)

        assert {(frame.width, frame.height) for frame in frames} == {(640, 360)}
        assert pixels.decode(frames[-1].payload).std() > 1
        assert camera.dropped("undecodable") == 0
    assert "FFmpeg" not in caplog.text


def test_gstreamer_s_digest(gstreamer: tuple[str, str]) -> None:
    """Its Digest takes the right password, and refuses another."""
    with watched(f"rtsp://{USER}:{PASSWORD}@127.0.0.1:{gstreamer[1]}/h264") as camera:
        camera.gives(2)
    with watched(f"rtsp://{USER}:wrong@127.0.0.1:{gstreamer[1]}/h264") as camera:
        camera.becomes(CameraState.REFUSED)


@pytest.mark.parametrize(("path", "why"), [("mpeg4", "MP4V-ES over RTP/AVP"), ("udp", "no RTP over TCP")])
def test_the_rest_is_left_to_ffmpeg(
    gstreamer: tuple[str, str], path: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Another codec, and a camera that does not send over TCP, are captured by FFmpeg's reader, and the log says so."""
    caplog.set_level(logging.DEBUG)
    with watched(f"rtsp://127.0.0.1:{gstreamer[0]}/{path}") as camera:
        camera.gives(10)
    assert f"FFmpeg's reader takes over: {why}" in caplog.text
