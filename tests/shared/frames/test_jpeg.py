"""JPEG as bytes. Pictures come from the product's own encoder and, where others are needed, from OpenCV."""

import random
import time
from collections.abc import Callable
from itertools import pairwise

import cv2
import numpy as np
import pytest

from shared.errors import BadPicture
from shared.frames import jpeg, jpeg_rows, pixels
from tests.shared.samples import header_only, segment


def noise(width: int, height: int, *, seed: int = 1) -> pixels.Image:
    """Return soft random colours that differ in every part of the picture."""
    small = np.random.default_rng(seed).integers(0, 256, (height // 8 + 2, width // 8 + 2, 3), dtype=np.uint8)
    return cv2.resize(small, (width, height)).astype(np.uint8)


def picture(width: int = 100, height: int = 90, *, quality: int = 80, seed: int = 1) -> bytes:
    return pixels.encode(noise(width, height, seed=seed), quality)


def without_tables(data: bytes) -> bytes:
    """Take out the Huffman tables, as cameras do."""
    at, end = data.index(b"\xff\xc4"), jpeg.inspect(data).scan_header_offset
    kept = b""
    while at < end:
        following = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        kept += b"" if data[at + 1] == 0xC4 else data[at:following]
        at = following
    return data[: data.index(b"\xff\xc4")] + kept + data[end:]


def coded_rows(data: bytes) -> list[bytes]:
    """Return the coded data of each row of MCUs, without markers."""
    offsets = jpeg_rows.split_rows(data, jpeg.inspect(data))
    return [data[a : b - 2] for a, b in pairwise(offsets)]


def test_a_header_is_read() -> None:
    """Size, sampling, restart interval and tables are those with which the picture was encoded."""
    header = jpeg.inspect(picture(100, 90))

    assert (header.width, header.height, header.precision) == (100, 90, 8)
    assert [(c.horizontal, c.vertical) for c in header.components] == [(2, 2), (1, 1), (1, 1)]
    assert (header.mcu_width, header.mcu_height, header.mcus_per_row, header.mcu_rows) == (16, 16, 7, 6)
    assert header.restart_interval == 7
    assert header.baseline
    assert header.single_scan
    assert header.restarts_every_row
    assert header.standard_huffman
    assert len(header.quantisation) == 2 * 65


@pytest.mark.parametrize(
    ("options", "baseline", "standard", "mcu_width"),
    [
        ((cv2.IMWRITE_JPEG_PROGRESSIVE, 1), False, False, 16),
        ((cv2.IMWRITE_JPEG_OPTIMIZE, 1), True, False, 16),
        ((cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444), True, True, 8),
    ],
)
def test_other_kinds_of_jpeg_are_told_apart(
    options: tuple[int, int], baseline: bool, standard: bool, mcu_width: int
) -> None:
    """Progressive, optimised and 4:4:4 pictures are recognised, and none is cut where it has no markers."""
    data = cv2.imencode(".jpg", noise(100, 90), options)[1].tobytes()
    header = jpeg.inspect(data)

    assert (header.baseline, header.standard_huffman, header.mcu_width) == (baseline, standard, mcu_width)
    with pytest.raises(BadPicture, match="no restart marker"):
        jpeg_rows.split_rows(data, header)


def test_a_grey_jpeg_has_one_component() -> None:
    """A camera without colour is read as such."""
    header = jpeg.inspect(cv2.imencode(".jpg", noise(40, 30)[:, :, 0])[1].tobytes())

    assert len(header.components) == 1
    assert (header.width, header.height) == (40, 30)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: b"", "not a JPEG"),
        (lambda data: b"\x89PNG" + data, "not a JPEG"),
        (lambda data: data[:2], "cut off after 2 bytes"),
        (lambda data: data[:100], "length beyond the end"),
        (lambda data: data[:-2], "no end-of-image marker"),
        (lambda data: data[: jpeg.inspect(data).scan_offset], "no end-of-image marker"),
        (lambda data: data.replace(b"\xff\xc0", b"\xff\xec"), "no frame header"),
        (lambda data: data.replace(b"\xff\xdd", b"\x00\xdd"), "no segment where one should be"),
        (lambda data: data.replace(b"\xff\xdd\x00\x04", b"\xff\xdd\x00\x01"), "has a length"),
        (lambda data: data.replace(b"\x00\x5a\x00\x64\x03", b"\x00\x00\x00\x64\x03"), "size of 100x0"),
        (lambda data: data.replace(b"\x00\x5a\x00\x64\x03", b"\xff\xff\xff\xff\x03"), "more than"),
        (lambda data: data.replace(b"\x00\x5a\x00\x64\x03", b"\x00\x5a\x00\x64\x05"), "5 components"),
        (lambda data: data.replace(b"\x03\x01\x22\x00", b"\x03\x01\x02\x00"), "sampling factor"),
        (lambda data: data[:2] + data[158:177] + data[2:], "two frame headers"),
    ],
)
def test_what_is_wrong_with_a_picture_is_named(spoil: Callable[[bytes], bytes], message: str) -> None:
    """Each way in which a header can be useless is refused with a message of its own."""
    with pytest.raises(BadPicture, match=message):
        jpeg.inspect(spoil(picture(100, 90)))


def test_bytes_after_the_end_are_allowed() -> None:
    """Cameras that fill a buffer with zeros are read, and cut where their picture ends."""
    data = picture()
    padded = data + bytes(100)

    assert jpeg.inspect(padded).end == len(data)
    assert coded_rows(padded) == coded_rows(data)


def test_missing_huffman_tables_are_inserted() -> None:
    """A picture without tables becomes the very picture that it was with them."""
    data = picture()
    bare = without_tables(data)

    assert not jpeg.inspect(bare).has_huffman_tables
    completed = jpeg.with_standard_tables(bare)
    assert jpeg.inspect(completed).standard_huffman
    assert np.array_equal(pixels.decode(completed), pixels.decode(data))


def test_the_standard_tables_are_those_that_libjpeg_writes() -> None:
    """The inserted tables are, table by table, those of an encoder that knows annex K."""
    assert jpeg.inspect(picture()).huffman == jpeg.STANDARD_TABLES[4:]


def test_tables_of_a_picture_are_left_alone() -> None:
    """A picture that has tables is given back as it is, and so is a progressive one."""
    data = picture()
    progressive = cv2.imencode(".jpg", noise(64, 64), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1))[1].tobytes()

    assert jpeg.with_standard_tables(data) is data
    assert jpeg.with_standard_tables(progressive) is progressive


@pytest.mark.parametrize(("width", "height"), [(16, 16), (64, 48), (100, 90), (333, 241), (40, 300)])
def test_rows_taken_out_are_a_picture(width: int, height: int) -> None:
    """Any rows decode alone to the brightness they have in the whole, at sizes that are no multiple of 16, too."""
    data = picture(width, height)
    header = jpeg.inspect(data)
    offsets = jpeg_rows.split_rows(data, header)
    whole = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)

    for first in range(header.mcu_rows):
        for stop in range(first + 1, header.mcu_rows + 1):
            strip = jpeg_rows.take_rows(data, header, offsets, first, stop)
            shown = cv2.imdecode(np.frombuffer(strip, np.uint8), cv2.IMREAD_GRAYSCALE)
            assert shown is not None
            assert whole is not None
            assert np.array_equal(shown, whole[16 * first : 16 * stop])
            assert coded_rows(strip) == coded_rows(data)[first:stop]


def test_rows_put_back_unchanged_give_the_same_bytes() -> None:
    """Taking rows out and putting them back is no change at all, whatever their number."""
    data = picture(64, 330)
    header = jpeg.inspect(data)
    offsets = jpeg_rows.split_rows(data, header)
    choose = random.Random(3)

    for _ in range(40):
        a, b, c, d = sorted(choose.sample(range(header.mcu_rows + 1), 4))
        strips = {first: jpeg_rows.take_rows(data, header, offsets, first, stop) for first, stop in ((a, b), (c, d))}
        assert jpeg_rows.replace_rows(data, header, offsets, strips) == data


def test_other_rows_keep_their_bytes() -> None:
    """Rows exchanged for others take their place, with restart markers in order; no other byte changes."""
    data, other = picture(80, 330, seed=1), picture(80, 330, seed=2)
    header = jpeg.inspect(data)
    offsets, theirs = jpeg_rows.split_rows(data, header), jpeg_rows.split_rows(other, header)

    strips = {first: jpeg_rows.take_rows(other, header, theirs, first + 1, first + 4) for first in (3, 11)}
    mixed = jpeg_rows.replace_rows(data, header, offsets, strips)

    mine, new = coded_rows(data), coded_rows(other)
    assert coded_rows(mixed) == mine[:3] + new[4:7] + mine[6:11] + new[12:15] + mine[14:]
    assert mixed[: header.scan_offset] == data[: header.scan_offset]


@pytest.mark.parametrize(
    ("strip", "message"),
    [
        (picture(96, 32), "size"),
        (picture(100, 32, quality=81), "quantisation tables"),
        (cv2.imencode(".jpg", noise(100, 32))[1].tobytes(), "restart interval"),
        (picture(100, 96), "overlaps another or the end"),
    ],
)
def test_a_strip_that_does_not_fit_is_refused(strip: bytes, message: str) -> None:
    """Rows that would mean something else under the picture's header are never put in."""
    data = picture(100, 90)
    header = jpeg.inspect(data)

    with pytest.raises(BadPicture, match=message):
        jpeg_rows.replace_rows(data, header, jpeg_rows.split_rows(data, header), {1: strip})


def test_strips_that_overlap_are_refused() -> None:
    """No row is replaced twice."""
    data = picture(100, 90)
    header = jpeg.inspect(data)
    offsets = jpeg_rows.split_rows(data, header)
    strip = jpeg_rows.take_rows(data, header, offsets, 1, 3)

    with pytest.raises(BadPicture, match="overlaps"):
        jpeg_rows.replace_rows(data, header, offsets, {1: strip, 2: strip})


def test_a_lost_restart_marker_is_noticed() -> None:
    """Where a row is missing or out of order the picture is not cut."""
    data = picture(64, 200)
    header = jpeg.inspect(data)
    offsets = jpeg_rows.split_rows(data, header)
    wrong = data[: offsets[3] - 1] + b"\xd7" + data[offsets[3] :]
    short = data[: offsets[5] - 2] + b"\xff\xd9"

    with pytest.raises(BadPicture, match=r"marker 2 at byte \d+ is out of order"):
        jpeg_rows.split_rows(wrong, jpeg.inspect(wrong))
    with pytest.raises(BadPicture, match="4 restart markers instead of 12"):
        jpeg_rows.split_rows(short, jpeg.inspect(short))


def test_wrong_bytes_raise_nothing_but_bad_picture() -> None:
    """Whatever bytes come, the header is read, or refused with the one error made for it."""
    choose, data = random.Random(5), picture(100, 90)
    refused = 0

    for _ in range(3000):
        spoilt = bytearray(data[: choose.choice((len(data), choose.randrange(len(data))))])
        for _ in range(choose.randrange(1, 6)):
            if spoilt:
                spoilt[choose.randrange(min(len(spoilt), 700))] = choose.randrange(256)
        try:
            completed = jpeg.with_standard_tables(bytes(spoilt))
            header = jpeg.inspect(completed)
            jpeg_rows.take_rows(completed, header, jpeg_rows.split_rows(completed, header), 0, 1)
        except BadPicture:
            refused += 1

    assert 1500 < refused < 3000


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (header_only(8192, 8192), "more than 36000000 pixels"),
        (header_only(6000, 6001), "more than 36000000 pixels"),
        (header_only(16, 16, scans=101), "101 scans"),
        (header_only(4096, 4096, scans=17), "17 scans of 16777216 pixels"),
        (header_only(6000, 6000, scans=2, samplings=(0x11, 0x11)), "72000000 coefficients in 2 scans"),
        (header_only(6000, 6000, scans=2, samplings=(0x11, 0x44, 0x44, 0x44)), "coefficients in 2 scans"),
        (b"\xff\xd8" + segment(0xFE, b"") * 2_000_000 + header_only(16, 16)[2:], "more than 1000 segments"),
        (b"\xff\xd8" + segment(0xDB, b"ab") * 500 + segment(0xDB, bytes(65_000)) * 400, "bytes of tables"),
    ],
)
def test_a_picture_that_costs_more_than_the_budget_is_refused(data: bytes, message: str) -> None:
    """Before anything is decoded, and without taking long itself."""
    began = time.process_time()
    with pytest.raises(BadPicture, match=message):
        jpeg.inspect(data)

    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "data",
    [
        header_only(6000, 6000),
        header_only(6000, 6000, samplings=(0x11, 0x11, 0x11)),
        header_only(6000, 6000, scans=7),
        header_only(4096, 2160, scans=30),
        header_only(100, 100, scans=100),
        b"\xff\xd8" + b"\xff" * 5_000_000 + header_only(100, 100)[2:],
    ],
)
def test_a_picture_within_the_budget_is_read_in_a_moment(data: bytes) -> None:
    began = time.process_time()
    jpeg.inspect(data)

    assert time.process_time() - began < 1


def test_coded_bytes_that_look_like_a_scan_are_none() -> None:
    """In coded data FF is followed by 00: a picture full of FF has the scans that it has."""
    noisy = np.random.default_rng(3).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    data = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()

    assert data.count(b"\xff\x00") > 100
    assert jpeg.inspect(data).single_scan
    assert data.count(b"\xff\xda") == 1
