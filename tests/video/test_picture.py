from io import BytesIO

import pytest
from PIL import Image

from shared.errors import BadPicture
from shared.frames import jpeg as coded
from shared.frames.go_record import RawPicture
from tests.video.stage import jpeg
from video.picture import decoded, encode_raw, nearest_scale, scaled, size_at


@pytest.mark.parametrize(
    ("wanted", "scale"),
    [(None, 1), (5000, 1), (1280, 1), (1000, 1), (961, 1), (960, 1), (959, 2), (640, 2), (481, 2), (479, 4), (1, 8)],
)
def test_the_nearest_of_four_sizes_is_taken(wanted: int | None, scale: int) -> None:
    """The scale is 1, 1/2, 1/4 or 1/8, whichever is nearest; of two, the larger picture's."""
    assert nearest_scale(1280, wanted) == scale


@pytest.mark.parametrize("size", [(1280, 720), (1279, 719), (17, 9), (1, 1)])
@pytest.mark.parametrize("scale", [1, 2, 4, 8])
def test_a_scaled_picture_has_the_size_that_is_announced(size: tuple[int, int], scale: int) -> None:
    """This holds where the size cannot be divided, too."""
    small = Image.open(BytesIO(scaled(jpeg(*size), scale)))

    assert small.size == size_at(*size, scale)


def test_a_scaled_picture_shows_the_same() -> None:
    """Colours and positions are kept."""
    small = decoded(scaled(jpeg(640, 480, "red"), 8))

    assert small.getpixel((10, 10)) == pytest.approx((254, 0, 0), abs=12)
    assert small.getpixel((70, 50)) == pytest.approx((0, 0, 0), abs=12)


def test_a_picture_that_cannot_be_decoded_is_left_alone() -> None:
    """The viewer's decoder may cope with it."""
    broken = jpeg(640, 480)[:200]

    assert scaled(broken, 2) == broken
    with pytest.raises(BadPicture):
        decoded(broken)


@pytest.mark.parametrize(
    ("channels", "pixel", "expected"),
    [(1, bytes([200]), 200), (3, bytes([10, 20, 250]), (250, 20, 10)), (4, bytes([10, 20, 250, 7]), (250, 20, 10))],
)
def test_raw_pixels_of_the_original_become_a_picture(channels: int, pixel: bytes, expected: object) -> None:
    """Pixels are grey, BGR or BGRA, as OpenCV stores them."""
    raw = RawPicture(48, 32, channels, pixel * (48 * 32))

    image = Image.open(BytesIO(encode_raw(raw)))

    assert image.size == (48, 32)
    assert image.getpixel((20, 20)) == pytest.approx(expected, abs=4)


def test_what_we_encode_has_the_form_of_the_bus() -> None:
    """It is baseline, 4:2:0, with a restart marker after every row of MCUs."""
    header = coded.inspect(encode_raw(RawPicture(48, 32, 3, bytes(48 * 32 * 3))))

    assert header.restarts_every_row
    assert [(part.horizontal, part.vertical) for part in header.components] == [(2, 2), (1, 1), (1, 1)]
    assert header.standard_huffman
