"""Pictures as models get them: scales, parts and encoded forms."""

import struct
import threading
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from consumer.pictures.encoded_format import EncodedFormat
from consumer.pictures.picture import Picture, scaled
from shared.errors import BadPicture
from shared.frames import jpeg, pixels
from tests.consumer.pictures.quarters import quarters, turned


def test_nothing_is_decoded_before_a_model_asks() -> None:
    """A classifier that takes encoded pictures costs no decoding; its picture is the camera's, byte by byte."""
    data = pixels.encode(quarters(640, 480), 80)
    picture = Picture(data)

    assert picture.size == (640, 480)
    assert EncodedFormat().row(picture, None)[0] is data
    assert EncodedFormat((800, 600)).row(picture, None)[0] is data
    assert picture._decoded == {}


@pytest.mark.parametrize(
    ("least", "decoded"),
    [((640, 480), 1), ((321, 10), 1), ((320, 240), 2), ((160, 120), 4), ((80, 60), 8), ((1, 1), 8)],
)
def test_the_smallest_scale_that_is_large_enough_is_decoded(least: tuple[int, int], decoded: int) -> None:
    """libjpeg decodes to a half, a quarter or an eighth in less time."""
    picture = Picture(pixels.encode(quarters(640, 480), 90))

    part = picture.part(None, least=least)

    assert part.shape == (480 // decoded, 640 // decoded, 3)
    assert list(picture._decoded) == [decoded]


def test_a_scale_is_decoded_once_for_all_models() -> None:
    """Models in several threads that see one frame get the same pixels."""
    picture = Picture(pixels.encode(quarters(640, 480), 90))
    seen: list[int] = []
    threads = [threading.Thread(target=lambda: seen.append(id(picture.pixels(reduced=2)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(seen) == 8
    assert len(set(seen)) == 1
    with pytest.raises(ValueError, match="read-only"):
        picture.pixels(reduced=2)[0, 0] = 0


@pytest.mark.parametrize("reduced", [1, 2, 4, 8])
@pytest.mark.parametrize(("width", "height"), [(641, 479), (640, 480), (17, 9)])
def test_a_reduced_picture_shows_the_same(width: int, height: int, reduced: int) -> None:
    """Its size is rounded up, and its quarters have the colours of the whole."""
    image = pixels.decode(pixels.encode(quarters(width, height), 95), reduced=reduced)

    assert image.shape == (-(-height // reduced), -(-width // reduced), 3)
    if width > 100:
        for row, column in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
            assert np.abs(image[row, column].astype(int) - quarters(width, height)[row, column]).max() < 12


def test_a_part_is_cut_out_at_its_place() -> None:
    """At a reduced scale too."""
    picture = Picture(pixels.encode(quarters(640, 480), 95))
    box = (320, 240, 320, 240)  # the lower right quarter

    for least in ((320, 240), (100, 100), (40, 30)):
        part = picture.part(box, least=least)
        assert np.abs(part.reshape(-1, 3).astype(int).mean(axis=0) - quarters(640, 480)[-1, -1]).max() < 6
    encoded, placement = EncodedFormat().row(picture, box)
    assert pixels.decode(encoded).shape == (240, 320, 3)
    assert placement.to_frame(np.array([0.0, 0, 320, 240])).tolist() == [320, 240, 640, 480]


@pytest.mark.parametrize(
    ("size", "resize", "sent"),
    [
        ((320, 320), None, (320, 240)),
        ((3200, 120), None, (160, 120)),
        ((800, 800), None, (640, 480)),
        ((320, 320), "stretch", (320, 320)),
        ((800, 800), "stretch", (800, 800)),
        ((320, 320), "letterbox", (320, 320)),
        ((800, 200), "letterbox", (800, 200)),
    ],
)
def test_an_encoded_picture_has_the_size_that_a_model_wants(size: Any, resize: Any, sent: Any) -> None:
    """In its own proportions, stretched, or between bars; boxes in pixels of the JPEG are found again in the frame."""
    encoded, placement = EncodedFormat(size, resize).row(Picture(pixels.encode(quarters(640, 480), 90)), None)

    header = jpeg.inspect(encoded)
    assert (header.width, header.height) == placement.input_size == sent
    left, top = placement.left, placement.top
    corners = np.array([left, top, sent[0] - left, sent[1] - top], float)
    np.testing.assert_allclose(placement.to_frame(corners), (0, 0, 640, 480))
    assert (left > 0 or top > 0) is (resize == "letterbox")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_that_lies_is_turned_upright(orientation: int) -> None:
    """Cameras turn pictures by EXIF data; boxes are in pixels of what viewers see."""
    data = turned(pixels.encode(quarters(640, 480), 90), orientation)
    picture = Picture(data)
    upright = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert upright is not None

    assert picture.size == (upright.shape[1], upright.shape[0])
    assert picture.size == ((480, 640) if orientation > 4 else (640, 480))
    shown = pixels.decode(EncodedFormat().row(picture, None)[0])  # a model server does not look at EXIF data
    assert shown.shape == upright.shape
    assert np.abs(shown[:20, :20].astype(int) - upright[:20, :20]).max() < 12
    half = picture.part(None, least=(200, 200))
    assert half.shape[:2] == (upright.shape[0] // 2, upright.shape[1] // 2)


@pytest.mark.parametrize(
    "data", [b"", b"not a picture", pixels.encode(quarters(64, 48), 80)[:300], struct.pack(">I", 0xFFD8FFD9)]
)
def test_what_is_not_a_picture_is_refused(data: bytes) -> None:
    """Every way of asking raises the one error."""
    asks: list[Callable[[Picture], object]] = [
        lambda of: of.size,
        lambda of: of.pixels(),
        lambda of: EncodedFormat((8, 8)).row(of, None),
    ]
    for ask in asks:
        with pytest.raises(BadPicture):
            ask(Picture(data))


def test_a_smaller_picture_is_the_mean_of_what_it_covers() -> None:
    """A chessboard of single pixels becomes grey; bilinear scaling, the original's, sees every fourth pixel only."""
    board = np.indices((64, 64)).sum(axis=0) % 2 * 255
    image = np.repeat(board[:, :, None], 3, axis=2).astype(np.uint8)

    assert set(np.unique(scaled(image, (16, 16)))) <= {127, 128}
    assert scaled(image, (16, 16), smooth=False).shape == (16, 16, 3)
    assert scaled(image, (64, 64)) is image
