"""Programs other than the page read the stream in their own ways: players, libraries, and home and printer software."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
import requests
from playwright.sync_api import Browser

from tests.browser.conftest import FRONT, Running
from tests.browser.looking import wait_until as wait_in_page
from tests.requirements import need
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

FRAMES = 25
STREAM = f"/cameras/{FRONT}/stream"
SNAPSHOT = f"/cameras/{FRONT}/snapshot.jpg"
SIZE = (720, 1280, 3)
HOME_ASSISTANT_CHUNK = 102_400  # bytes


def size_of(jpeg: bytes) -> tuple[int, ...]:
    """Return the shape of a picture; it fails unless the picture can be decoded."""
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None, "not a picture"
    return tuple(picture.shape)


@pytest.mark.parametrize("path", [STREAM, "/"])
def test_opencv_reads_the_stream(suite: Running, path: str) -> None:
    """Frames of the camera's size, most of them different; the bare address shows the first camera."""
    stream = cv2.VideoCapture(suite.address + path, cv2.CAP_FFMPEG)
    try:
        assert stream.isOpened()
        pictures = [stream.read() for _ in range(FRAMES)]
    finally:
        stream.release()

    assert all(got for got, _ in pictures)
    assert {picture.shape for _, picture in pictures} == {SIZE}
    assert len({picture.tobytes() for _, picture in pictures}) > FRAMES / 2


def test_ffmpeg_reads_the_stream(suite: Running) -> None:
    """With nothing but the address, and without a complaint."""
    need("ffmpeg", present=shutil.which("ffmpeg") is not None, install="apt-get install ffmpeg")
    command = ["ffmpeg", "-v", "error", "-i", suite.address + STREAM]

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


def test_curl_reads_stream_and_snapshot(suite: Running) -> None:
    """The stream ends only with curl's own limit (status 28); what came until then is multipart with whole pictures."""
    need("curl", present=shutil.which("curl") is not None, install="apt-get install curl")

    endless = subprocess.run(
        ["curl", "-sSiN", "--max-time", "3", suite.address + STREAM], capture_output=True, timeout=60, check=False
    )
    snapshot = subprocess.run(
        ["curl", "-sSf", suite.address + SNAPSHOT], capture_output=True, timeout=60, check=True
    ).stdout

    assert endless.returncode == 28, endless.stderr
    head, _, body = endless.stdout.partition(b"\r\n\r\n")
    boundary = head.partition(b"boundary=")[2].partition(b"\r\n")[0].strip(b'"')
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"content-type: multipart/x-mixed-replace" in head.lower()
    parts = body.split(b"--" + boundary + b"\r\n")[1:-1]  # the last one may be cut off
    assert parts
    for part in parts:
        headers, _, jpeg = part.partition(b"\r\n\r\n")
        assert b"content-type: image/jpeg" in headers.lower()
        assert size_of(jpeg) == SIZE
    assert size_of(snapshot) == SIZE


def test_vlc_reads_the_stream(suite: Running, tmp_path: Path) -> None:
    """VLC's own demuxer; its scene filter writes what would be on the screen."""
    need("VLC", present=shutil.which("vlc") is not None, install="apt-get install vlc-bin vlc-plugin-base")
    tmp_path.chmod(0o777)
    for folder in tmp_path.parents[:2]:
        folder.chmod(0o755)
    scene = ["--video-filter", "scene", "--scene-path", str(tmp_path), "--scene-format", "png", "--scene-ratio", "1"]
    with subprocess.Popen(
        ["vlc", "-I", "dummy", "--no-audio", "--vout", "vdummy", *scene, suite.address + STREAM],
        env=dict(os.environ, HOME=str(tmp_path)),
        user="nobody" if os.geteuid() == 0 else None,  # VLC refuses to run as root
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as vlc:
        try:
            wait_until(lambda: len(list(tmp_path.glob("*.png"))) > FRAMES or vlc.poll() is not None, "VLC's pictures")
        finally:
            vlc.kill()

    pictures = [path.read_bytes() for path in sorted(tmp_path.glob("*.png"))[:FRAMES]]
    assert len(pictures) == FRAMES
    height, width, _ = size_of(pictures[0])
    assert width == 1280
    assert height in {720, 736}  # the filter writes the decoder's buffer, which may be padded
    assert len(set(pictures)) > 2


def test_home_assistant_takes_a_picture_out_of_the_stream(suite: Running) -> None:
    """Its `mjpeg` camera takes what is between the first FF D8 and the first FF D9 of the stream, three times.

    Source: homeassistant/components/mjpeg/camera.py, `extract_image_from_mjpeg`; chunks of 102,400 bytes.
    """

    def first_picture(chunks: Iterator[bytes]) -> bytes:
        data = b""
        for chunk in chunks:
            data += chunk
            end, start = data.find(b"\xff\xd9"), data.find(b"\xff\xd8")
            if min(end, start) >= 0:
                return data[start : end + 2]
        return b""

    pictures = []
    for _ in range(3):
        with httpx.stream("GET", suite.address + STREAM, timeout=10) as answer:
            pictures.append(first_picture(answer.iter_bytes(HOME_ASSISTANT_CHUNK)))

    assert [size_of(picture) for picture in pictures] == [SIZE] * 3


@pytest.mark.parametrize("path", [STREAM, "/", "/?action=stream"])
def test_octoprint_shows_the_stream_in_an_img_element(browser: Browser, suite: Running, path: str) -> None:
    """With its cache buster: the time in ms behind the address, without a name.

    Source: src/octoprint/plugins/classicwebcam/static/js/classicwebcam.js, `_switchToMjpgWebcam`.
    """
    page = browser.new_page()
    page.set_content('<img id="webcam_image">')
    page.evaluate(
        "address => document.getElementById('webcam_image').src = address + new Date().getTime()",
        suite.address + path + ("&" if "?" in path else "?"),
    )
    picture = page.locator("#webcam_image")
    wait_in_page(page, lambda: picture.evaluate("image => image.naturalWidth") == 1280, "a picture")
    before = picture.screenshot()

    wait_in_page(page, lambda: picture.screenshot() != before, "another picture")
    page.close()


@pytest.mark.parametrize("path", [SNAPSHOT, "/?action=snapshot"])
def test_octoprint_takes_a_snapshot(suite: Running, path: str) -> None:
    """For its time lapses; it is usually configured with mjpg-streamer's address.

    Source: src/octoprint/plugins/classicwebcam/__init__.py, `take_webcam_snapshot`; its test of the address wants an
    image's content type.
    """
    answer = requests.get(suite.address + path, stream=True, timeout=5)
    answer.raise_for_status()

    assert answer.headers["content-type"].startswith("image/")
    assert size_of(b"".join(answer.iter_content(chunk_size=1024))) == SIZE
