"""`python -m producer --preview`, run as people run it."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from local.ports import free_port
from producer.preview import with_grid
from shared.frames import pixels
from tests.producer.cameras import image

MASKS = (((0.2, 0.2), (0.4, 0.2), (0.4, 0.5)), ((0.7, 0.7), (0.9, 0.7), (0.8, 0.9)))


def preview(*arguments: str, **variables: str) -> tuple[int, str]:
    """Return the exit status and what was printed."""
    done = subprocess.run(
        [sys.executable, "-m", "producer", "--preview", *arguments],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def document(folder: Path, source: str) -> str:
    path = folder / "cameras.yml"
    masks = [[list(point) for point in polygon] for polygon in MASKS]
    path.write_text(f"cameras:\n  front:\n    source: {source}\n    masks: {masks}\n  back:\n    source: {source}\n")
    return str(path)


def test_a_picture_with_a_grid_is_written(tmp_path: Path) -> None:
    """What the masks hide is black, the rest is the camera's picture under lines at each tenth."""
    still = tmp_path / "still.jpg"
    still.write_bytes(pixels.encode(np.full((360, 640, 3), 120, np.uint8), 90))
    out = tmp_path / "front.jpg"

    status, printed = preview("front", str(out), CAMERASFILE=document(tmp_path, str(still)))

    assert (status, printed) == (0, f"{out}: front, 640x360, 2 masks\n")
    shown = pixels.decode(out.read_bytes()).astype(int)
    assert shown.shape == (360, 640, 3)
    assert shown[80:92, 232:248].max() < 60
    assert np.abs(shown[46:62, 520:560] - 120).max() < 20
    assert shown[100, 384].min() > 150  # a line at 0.6


def test_polygons_are_outlined() -> None:
    plain = image(640, 360)

    drawn = with_grid(plain, MASKS)

    assert np.array_equal(plain, image(640, 360))
    for x, y in ((0.3, 0.2), (0.4, 0.35), (0.8, 0.7)):
        assert tuple(drawn[round(y * 359), round(x * 639)]) == (255, 0, 255)


def test_mistakes_are_explained(tmp_path: Path) -> None:
    """With status 2: too few words, an unknown camera, a wrong document; with 1: a camera that sends nothing."""
    still = tmp_path / "still.jpg"
    still.write_bytes(pixels.encode(image(), 90))
    good = document(tmp_path, str(still))

    status, printed = preview("front", CAMERASFILE=good)
    assert status == 2
    assert "--preview CAMERA OUT.jpg" in printed
    status, printed = preview("side", "out.jpg", CAMERASFILE=good)
    assert status == 2
    assert "got 'side'; allowed: front, back" in printed
    status, printed = preview("front", str(tmp_path / "no" / "out.jpg"), CAMERASFILE=good)
    assert (status, "No such file" in printed) == (1, True)
    Path(good).write_text(Path(good).read_text().replace("0.5", "1.5"))
    status, printed = preview("front", "out.jpg", CAMERASFILE=good)
    assert status == 2
    assert "cameras.front.masks.0.2.1: got 1.5; allowed: a number from 0 to 1" in printed

    link = f"http://operator:s3cretPw@127.0.0.1:{free_port()}/"
    status, printed = preview("camera", str(tmp_path / "out.jpg"), VIDEOLINK=link)
    assert (status, "camera: connection refused" in printed) == (1, True)
    assert "s3cretPw" not in printed
    assert not (tmp_path / "out.jpg").exists()
