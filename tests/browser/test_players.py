"""Programs that are no browsers read the stream as they read a camera: OpenCV, and FFmpeg, on which VLC rests."""

import shutil
import subprocess

import cv2
import pytest

from tests.browser.conftest import FRONT, Running
from tests.requirements import need

pytestmark = pytest.mark.browser

FRAMES = 25


@pytest.mark.parametrize("path", [f"/cameras/{FRONT}/stream", "/"])
def test_opencv_reads_the_stream(suite: Running, path: str) -> None:
    """Frames of the camera's size, each another one; the bare address shows the first camera."""
    stream = cv2.VideoCapture(suite.address + path, cv2.CAP_FFMPEG)
    try:
        assert stream.isOpened()
        pictures = [stream.read() for _ in range(FRAMES)]
    finally:
        stream.release()

    assert all(got for got, _ in pictures)
    assert {picture.shape for _, picture in pictures} == {(720, 1280, 3)}
    assert len({picture.tobytes() for _, picture in pictures}) > FRAMES / 2


def test_ffmpeg_reads_the_stream(suite: Running) -> None:
    """The command, with nothing but the address."""
    need("ffmpeg", present=shutil.which("ffmpeg") is not None, install="apt-get install ffmpeg")
    command = ["ffmpeg", "-v", "error", "-i", f"{suite.address}/cameras/{FRONT}/stream"]

    done = subprocess.run(
        [*command, "-frames:v", str(FRAMES), "-f", "framemd5", "-"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    hashes = [line.rpartition(",")[2].strip() for line in done.stdout.splitlines() if not line.startswith("#")]
    assert done.stderr == ""
    assert len(hashes) == FRAMES
    assert len(set(hashes)) > FRAMES / 2
