"""`python -m producer --check`, run as people run it."""

import json
import subprocess
import sys

import pytest

from local.ports import free_port
from tests.producer.cameras import BUNNY, http_camera
from tests.producer.mjpeg.odd_camera import MULTIPART, odd_camera, picture, streams
from tests.producer.rtsp_camera import rtsp_camera
from tests.producer.rtsp_video import video


def run(*arguments: str, **variables: str) -> tuple[int, dict[str, list[str]], str]:
    """Return the exit status, the cells of the table by camera, and everything that was printed."""
    done = subprocess.run(
        [sys.executable, "-m", "producer", "--check", *arguments],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    starts = [lines[0].index(word) for word in ("camera", "result", "reader", "codec", "size", "rate", "first", "odd")]
    cells = [
        [line[begin:end].strip() for begin, end in zip(starts, [*starts[1:], None], strict=True)] for line in lines[1:]
    ]
    return done.returncode, {row[0]: row[1:] for row in cells}, done.stdout + done.stderr


def test_each_camera_is_tried_and_described() -> None:
    """The table says of each camera what it sends and what is odd about it; one that fails makes the status 1."""
    nowhere = f"http://operator:s3cretPw@127.0.0.1:{free_port()}/video.mjpg?token=t0kent0ken"
    endless = streams(MULTIPART, lambda number: b"--frame\r\n\r\n" + picture(number)[:-2] + b"\r\n")
    with (
        http_camera(user="operator", password="s3cretPw") as http,
        rtsp_camera(video()) as rtsp,
        odd_camera(endless) as odd,
    ):
        cameras = {
            "http": http.link("operator:s3cretPw"),
            "rtsp": rtsp.link(),
            "odd": odd.link(),
            "film": str(BUNNY),
            "nowhere": nowhere,
        }

        status, rows, printed = run(CAMERAS=json.dumps(cameras))

    assert status == 1
    assert rows["http"][:4] == ["ok", "MJPEG over HTTP", "mjpeg", "320x240"]
    assert rows["rtsp"][:3] == ["ok", "RTSP", "h264"]
    assert rows["film"][:4] == ["ok", "files", "h264", "1280x720"]
    assert rows["odd"][:4] == ["ok", "MJPEG over HTTP", "mjpeg", "96x64"]
    assert "lack their end marker" in rows["odd"][6]
    assert rows["nowhere"][0] == "connection refused"
    assert float(rows["film"][4].removesuffix("/s")) > 5
    assert float(rows["http"][5].removesuffix(" s")) > 0
    for secret in ("s3cretPw", "t0kent0ken", "operator"):
        assert secret not in printed


@pytest.mark.parametrize(("arguments", "status"), [((str(BUNNY),), 0), (("no such file",), 2), (("0", "1"), 2)])
def test_one_camera_may_be_named(arguments: tuple[str, ...], status: int) -> None:
    """`--check LINK` tries this one, whatever the environment names; mistakes end with status 2."""
    done = subprocess.run(
        [sys.executable, "-m", "producer", "--check", *arguments],
        env={"CAMERAS": '{"front": "rtsp://127.0.0.1:9/"}'},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == status
    assert ("1280x720" in done.stdout) is (status == 0)
    assert "front" not in done.stdout
