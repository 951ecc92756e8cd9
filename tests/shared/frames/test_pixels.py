"""JPEG to pixels and back."""

import random
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from shared.errors import BadPicture
from shared.frames import jpeg, jpeg_rows, pixels


def gradient(width: int = 80, height: int = 60) -> pixels.Image:
    """Return a picture that JPEG keeps well: blue grows to the right, red downwards."""
    image = np.full((height, width, 3), 90, np.uint8)
    image[:, :, 0] = np.linspace(20, 230, width)
    image[:, :, 2] = np.linspace(20, 230, height)[:, None]
    return image


@pytest.mark.parametrize(("width", "height"), [(1, 1), (15, 17), (80, 60), (1280, 720), (641, 3)])
def test_what_is_encoded_has_the_form_of_the_bus(width: int, height: int) -> None:
    """Baseline, 4:2:0, standard tables, a restart marker after every row of MCUs: at any size."""
    data = pixels.encode(gradient(width, height), 80)
    header = jpeg.inspect(data)

    assert (header.width, header.height) == (width, height)
    assert header.baseline
    assert [(c.horizontal, c.vertical) for c in header.components] == [(2, 2), (1, 1), (1, 1)]
    assert header.standard_huffman
    assert header.restart_interval == -(-width // 16)
    assert jpeg_rows.restart_markers(data, header) == -(-height // 16) - 1


@pytest.mark.parametrize("quality", [60, 80, 100])
def test_a_picture_survives_coding(quality: int) -> None:
    """What is decoded is what was encoded, up to what JPEG loses."""
    image = gradient()

    shown = pixels.decode(pixels.encode(image, quality))

    assert shown.shape == image.shape
    assert shown.dtype == np.uint8
    assert np.abs(shown.astype(int) - image).mean() < 3


def test_a_real_picture_survives_coding() -> None:
    """A photograph at quality 90 has at least 30 dB of peak signal to noise."""
    found = find_spec("skimage")
    if found is None or not found.submodule_search_locations:
        pytest.skip("scikit-image's pictures are not installed")
    image = cv2.imread(str(Path(found.submodule_search_locations[0]) / "data" / "chelsea.png"))
    assert image is not None

    shown = pixels.decode(pixels.encode(image, 90))

    assert cv2.PSNR(shown, image) > 30


def test_other_channels_are_accepted() -> None:
    """Grey pictures, flat or with one channel, and BGRA become the same kind of JPEG, with their look."""
    image = gradient()
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    with_alpha = cv2.cvtColor(image, cv2.COLOR_BGR2BGRA)

    assert pixels.encode(grey, 80) == pixels.encode(grey[:, :, None], 80) == pixels.encode(cv2.merge([grey] * 3), 80)
    assert pixels.encode(with_alpha, 80) == pixels.encode(image, 80)


def test_a_part_of_a_picture_can_be_encoded() -> None:
    """A view into a larger array, not contiguous in memory, is encoded as its copy would be."""
    image = gradient(200, 100)
    part = image[10:58, 20:100]

    assert pixels.encode(part, 80) == pixels.encode(part.copy(), 80)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros(12, np.uint8),
        np.zeros((1, 65_501, 3), np.uint8),
        np.zeros((), np.uint8),
    ],
)
def test_an_array_that_is_not_a_picture_is_refused(image: NDArray[Any]) -> None:
    """The message has the expected and the actual shape and type."""
    with pytest.raises(ValueError, match=r"uint8 of shape \(height, width, 3\)") as caught:
        pixels.encode(image, 80)

    assert f"{image.dtype} of shape {image.shape}" in str(caught.value)


@pytest.mark.parametrize("quality", [0, 101, -1])
def test_a_quality_out_of_range_is_refused(quality: int) -> None:
    """OpenCV would silently take the nearest."""
    with pytest.raises(ValueError, match=f"1 to 100, not {quality}"):
        pixels.encode(gradient(), quality)


def test_any_jpeg_is_decoded() -> None:
    """Progressive, grey, 4:4:4 and 4:2:2 pictures come out as BGR."""
    image = gradient()
    for options in (
        (cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
        (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422),
    ):
        shown = pixels.decode(cv2.imencode(".jpg", image, options)[1].tobytes())
        assert np.abs(shown.astype(int) - image).mean() < 3

    assert pixels.decode(cv2.imencode(".jpg", image[:, :, 0])[1].tobytes()).shape == image.shape


def test_a_picture_is_turned_as_its_exif_data_ask() -> None:
    """A camera mounted on its side says so, and its picture is decoded upright."""
    data = pixels.encode(gradient(80, 60), 80)
    # EXIF 2.3, 4.6.4: big-endian TIFF, one entry: orientation (0x0112), SHORT, one value, 6 = turn right.
    tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    segment = b"Exif\0\0" + tiff
    turned = data[:2] + b"\xff\xe1" + (2 + len(segment)).to_bytes(2, "big") + segment + data[2:]

    assert jpeg.inspect(turned).has_exif
    assert np.array_equal(pixels.decode(turned), cv2.rotate(pixels.decode(data), cv2.ROTATE_90_CLOCKWISE))


def test_a_cut_off_picture_is_refused() -> None:
    """Cut anywhere, with or without an end put after the cut, a picture from our encoder is never shown in part."""
    data = pixels.encode(gradient(80, 200), 80)
    rows = jpeg_rows.split_rows(data, jpeg.inspect(data))

    for cut in (0, 1, 50, rows[0], rows[3], rows[3] + 20, rows[-2], len(data) - 2):
        with pytest.raises(BadPicture):
            pixels.decode(data[:cut])
    for cut in (rows[3], rows[3] + 20, rows[-3]):
        with pytest.raises(BadPicture, match="rows are missing"):
            pixels.decode(data[:cut].rstrip(b"\xff") + b"\xff\xd9")


def test_parts_of_other_pictures_never_show() -> None:
    """Where bytes run out between two scans the picture is refused; the decoder's memory is not shown instead."""
    data = cv2.imencode(".jpg", gradient(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1))[1].tobytes()
    second = data.index(b"\xff\xc4", jpeg.inspect(data).scan_offset)
    comment = b"\xff\xfe\xff\xff"  # says that it has 65535 bytes, more than there are

    with pytest.raises(BadPicture, match="cannot be decoded"):
        pixels.decode(data[:second] + comment + data[second:])


def test_samples_of_12_bits_are_refused() -> None:
    """They are a JPEG, but none that can be shown."""
    data = pixels.encode(gradient(), 80)
    at = jpeg.inspect(data).height_offset - 1

    with pytest.raises(BadPicture, match="12 bits per sample"):
        pixels.decode(data[:at] + b"\x0c" + data[at + 1 :])


def test_wrong_bytes_raise_nothing_but_bad_picture() -> None:
    """Whatever bytes come, a picture of the size in the header comes out, or the one error made for it."""
    choose = random.Random(11)
    image = gradient(96, 80)
    sources = [
        pixels.encode(image, 80),
        cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_PROGRESSIVE, 1))[1].tobytes(),
        cv2.imencode(".jpg", image[:, :, 0])[1].tobytes(),
    ]
    refused = 0

    for number in range(300):
        spoilt = bytearray(sources[number % 3])
        for _ in range(choose.randrange(1, 5)):
            spoilt[choose.randrange(len(spoilt))] = choose.choice((0, 0xFF, 0xD9, choose.randrange(256)))
        try:
            shown = pixels.decode(bytes(spoilt))
        except BadPicture:
            refused += 1
        else:
            header = jpeg.inspect(bytes(spoilt))
            assert sorted(shown.shape[:2]) == sorted((header.height, header.width))

    assert 30 < refused < 300
