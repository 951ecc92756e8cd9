"""Pixels as a model wants them, and the way of a box back into the frame."""

from typing import Any

import numpy as np
import pytest

from consumer.pictures.picture import Picture
from consumer.pictures.pixel_format import BAR, PixelFormat
from shared.frames import pixels
from tests.consumer.pictures.quarters import COLOURS, quarters

SIZE = (640, 480)


def picture(width: int = SIZE[0], height: int = SIZE[1]) -> Picture:
    return Picture(pixels.encode(quarters(width, height), 98))


def test_colours_come_in_the_order_that_is_asked_for() -> None:
    """Upper left is blue in RGB and BGR, and a shade in grey."""
    rows = {colour: PixelFormat((64, 64), colour=colour).row(picture(), None)[0] for colour in ("rgb", "bgr", "grey")}

    assert rows["bgr"].shape == rows["rgb"].shape == (64, 64, 3)
    assert np.abs(rows["bgr"][2, 2].astype(int) - COLOURS[0]).max() < 6
    assert (rows["rgb"] == rows["bgr"][..., ::-1]).all()
    assert rows["grey"].shape == (64, 64, 1)
    assert abs(int(rows["grey"][2, 2, 0]) - round(0.114 * 200 + 0.587 * 40 + 0.299 * 40)) < 6  # ITU-R BT.601


def test_the_layout_puts_the_colours_last_or_first() -> None:
    """The numbers are the same."""
    last, _ = PixelFormat((64, 32), layout="nhwc").row(picture(), None)
    first, _ = PixelFormat((64, 32), layout="nchw").row(picture(), None)

    assert last.shape == (32, 64, 3)
    assert first.shape == (3, 32, 64)
    assert (first.transpose(1, 2, 0) == last).all()
    assert first.flags.c_contiguous


@pytest.mark.parametrize(
    ("dtype", "mean", "scale", "expected"),
    [
        ("uint8", (0.0,), (255.0,), lambda x: x),
        ("int32", (127.0,), (128.0,), lambda x: x),
        ("float32", (0.0,), (255.0,), lambda x: x / 255),
        ("float32", (127.5,), (127.5,), lambda x: x / 127.5 - 1),
        ("float16", (0.0,), (1.0,), lambda x: x),
        (
            "float32",
            (123.675, 116.28, 103.53),
            (58.395, 57.12, 57.375),
            lambda x: (x - (123.675, 116.28, 103.53)) / (58.395, 57.12, 57.375),
        ),
    ],
)
def test_floats_are_scaled_and_integers_are_not(dtype: str, mean: Any, scale: Any, expected: Any) -> None:
    """(x − mean) / scale, by colour if there are three numbers."""
    plain, _ = PixelFormat((64, 64)).row(picture(), None)

    row, _ = PixelFormat((64, 64), dtype, mean=mean, scale=scale).row(picture(), None)

    assert row.dtype == dtype
    np.testing.assert_allclose(row.astype(float), expected(plain.astype(float)), rtol=1e-3, atol=1e-5)


def test_a_letterbox_has_grey_bars_of_equal_size() -> None:
    """640×480 in a square of 320: 40 rows above and below; the picture fills the rest."""
    row, placement = PixelFormat((320, 320), resize="letterbox").row(picture(), None)

    assert (row[:40] == BAR).all()
    assert (row[280:] == BAR).all()
    assert (np.abs(row[40].astype(int) - BAR).max(axis=1) > 40).all()
    assert (placement.left, placement.top, placement.content) == (0, 40, (320, 240))


@pytest.mark.parametrize("resize", ["letterbox", "stretch"])
@pytest.mark.parametrize("size", [(320, 320), (300, 300), (640, 384), (97, 255)])
@pytest.mark.parametrize("frame", [(640, 480), (1280, 720), (333, 777), (100, 30)])
@pytest.mark.parametrize("part", [None, (20, 10, 60, 15)])
def test_a_place_in_the_input_is_found_again_in_the_frame(resize: Any, size: Any, frame: Any, part: Any) -> None:
    """The corners of what the picture fills are the corners of the part; a mark in the middle is where it was."""
    image = np.zeros((frame[1], frame[0], 3), np.uint8)
    x, y, width, height = part or (0, 0, *frame)
    mark = (x + width // 3, y + height // 3, max(4, width // 5), max(4, height // 5))
    image[mark[1] : mark[1] + mark[3], mark[0] : mark[0] + mark[2]] = 255

    row, placement = PixelFormat(size, colour="grey", resize=resize).row(Picture(pixels.encode(image, 95)), part)
    filled_width, filled_height = placement.content
    corners = np.array([[placement.left, placement.top, placement.left + filled_width, placement.top + filled_height]])
    ys, xs = np.nonzero(row[:, :, 0] > 180)
    found = placement.to_frame(np.array([[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]]))[0]

    np.testing.assert_allclose(placement.to_frame(corners)[0], (x, y, x + width, y + height), atol=1e-6)
    tolerance = 2 + 1.5 * max(1 / placement.across, 1 / placement.down)  # what a pixel of the input covers
    expected = (mark[0], mark[1], mark[0] + mark[2], mark[1] + mark[3])
    assert np.abs(found - expected).max() <= tolerance


def test_a_face_is_scaled_as_the_original_does() -> None:
    """Not smooth: from the picture in its full size, so that a reduced one does not change the answer."""
    of = picture()

    PixelFormat((48, 48), "float32", colour="grey", smooth=False).row(of, (0, 0, 480, 480))

    assert list(of._decoded) == [1]
