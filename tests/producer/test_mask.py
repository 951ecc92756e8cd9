"""Masks on pictures: what they cover, and that nothing under them remains."""

from itertools import product

import cv2
import numpy as np
import pytest

from producer.content import CameraJpeg, Content
from producer.mask import rectangles
from producer.protocol import CaptureJob, Polygons
from producer.source import parse
from shared.errors import NotMasked
from tests.producer.cameras import http_camera
from tests.producer.masked import CORNER, WINDOW, camera_jpeg, masked, scene, under
from tests.producer.watched import watched
from tests.waiting import wait_until

IMPOSSIBLE: Polygons = (((float("nan"), 0.0), (1.0, 0.0), (1.0, float("nan"))),)
"""A polygon that no document can hold."""


@pytest.mark.parametrize("masks", [WINDOW, CORNER, WINDOW + CORNER])
def test_every_pixel_under_a_polygon_is_in_a_covered_cell(masks: Polygons) -> None:
    """And no cell far away is covered."""
    for width, height, cell in product((33, 320, 333), (36, 240, 701), ((16, 16), (8, 8), (16, 8), (32, 8))):
        image = np.zeros((height, width), bool)
        for left, top, right, bottom in rectangles(masks, width, height, cell):
            image[top:bottom, left:right] = True
        inside = under(masks, width, height)
        near = cv2.dilate(inside.astype(np.uint8), np.ones((2 * cell[1] + 3, 2 * cell[0] + 3), np.uint8)) > 0
        assert not (inside & ~image).any()
        assert not (image & ~near).any()


def test_a_polygon_that_ends_at_a_cell_does_not_cover_the_next_one() -> None:
    half: Polygons = (((0, 0), (0.5, 0), (0.5, 1), (0, 1)),)

    assert rectangles(half, 320, 160) == tuple((0, top, 160, top + 16) for top in range(0, 160, 16))


def test_a_polygon_smaller_than_a_pixel_covers_its_cell() -> None:
    """It is somebody's wish all the same."""
    tiny: Polygons = (((0.5001, 0.5001), (0.5002, 0.5001), (0.5002, 0.5002)),)

    assert rectangles(tiny, 64, 64) == ((32, 32, 48, 48),)


@pytest.mark.parametrize("content", [scene(), CameraJpeg(camera_jpeg(scene(), "4:2:0", restart_marker_rows=1))])
def test_a_mask_that_cannot_be_painted_lets_nothing_through(content: Content) -> None:
    """Whatever goes wrong while painting, the frame is refused with the reason."""
    with pytest.raises(NotMasked, match=r"masks cannot be painted: .* covers nothing"):
        masked(content, CORNER + IMPOSSIBLE)


def test_a_camera_whose_masks_cannot_be_painted_publishes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Its frames are counted as unmasked, and the log and its state say why."""
    caplog.set_level("INFO")
    with http_camera() as source, watched(source.link(), masks=IMPOSSIBLE, first_s=20.0, timeout_s=2.0) as camera:
        wait_until(lambda: camera.dropped("unmasked") > 0, "frames are counted")
        wait_until(lambda: "masks could not be painted" in (camera.camera.state.reason or ""), "the state says why")

    assert camera.frames == []
    assert camera.camera.state.state == "down"
    assert sum("pictures are dropped because of masks" in line for line in caplog.messages) >= 1


def test_the_reader_s_picture_stays_as_it_is() -> None:
    image = scene()

    masked(image)

    assert np.array_equal(image, scene())


def test_masks_travel_to_the_capture() -> None:
    """The line that starts a capture holds them."""
    job = CaptureJob(parse("rtsp://10.0.0.7/"), masks=WINDOW + CORNER)

    assert CaptureJob.from_line(job.to_line()) == job
