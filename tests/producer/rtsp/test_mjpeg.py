import struct

import cv2
import numpy as np
import pytest

from producer.rtsp.mjpeg import JpegDepacketizer
from shared.frames import jpeg, pixels
from tests.producer.cameras import image

FRAGMENT = 700  # bytes


def fragments(data: bytes, *, quality: int, restart: bool = False, tables: bytes = b"", size=None) -> list[bytes]:
    """Cut a JPEG as RFC 2435 says."""
    picture = jpeg.inspect(data)
    scan = data[picture.scan_offset : picture.end - 2]
    kind = (picture.mcu_height == 16) + (64 if restart else 0)
    width, height = size or (picture.width, picture.height)
    cut = []
    for offset in range(0, len(scan), FRAGMENT):
        head = struct.pack("!I4B", offset, kind, quality, width // 8 & 255, height // 8 & 255)
        if restart:
            head += struct.pack("!HH", picture.restart_interval, 0xFFFF)
        if quality >= 128 and not offset:
            head += struct.pack("!BBH", 0, 0, len(tables)) + tables
        cut.append(head + scan[offset : offset + FRAGMENT])
    return cut


def put_together(payload: JpegDepacketizer, cut: list[bytes]) -> bytes:
    assert payload.begins(cut[0])
    assert all(map(payload.take, cut))
    coded = payload.finish()
    assert coded is not None
    assert coded.key
    return coded.data


def encoded(quality: int, *, sampling: int = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420, restart: int = 0) -> bytes:
    parameters = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    parameters += [cv2.IMWRITE_JPEG_RST_INTERVAL, restart]
    return cv2.imencode(".jpg", image(), parameters)[1].tobytes()


def same(one: bytes, other: bytes) -> bool:
    return np.array_equal(pixels.decode(one), pixels.decode(other))


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 51, 75, 99])
def test_tables_are_made_from_the_quality(quality):
    """Below 100 the quality factor stands for the standard tables, scaled; libjpeg's quality is the same number."""
    data = encoded(quality)

    assert same(put_together(JpegDepacketizer(None), fragments(data, quality=quality)), data)


@pytest.mark.parametrize("sampling", [cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422])
@pytest.mark.parametrize("restart", [0, 20])
def test_both_samplings_with_and_without_restarts(sampling, restart):
    """Types 0 and 1, and those with a restart interval; the published JPEG is complete."""
    data = encoded(80, sampling=sampling, restart=restart)

    result = put_together(JpegDepacketizer(None), fragments(data, quality=80, restart=bool(restart)))

    picture = jpeg.inspect(result)
    assert same(result, data)
    assert picture.has_huffman_tables
    assert picture.restart_interval == restart


def test_tables_that_come_along_are_kept():
    """From 128 on the tables are in the first packet, where they are left out those of before are meant."""
    payload, data = JpegDepacketizer(None), encoded(33)
    quantisation = jpeg.inspect(data).quantisation
    tables = quantisation[1:65] + quantisation[66:130]

    for given in (tables, b"", b""):
        assert same(put_together(payload, fragments(data, quality=200, tables=given)), data)
    assert not JpegDepacketizer(None).take(fragments(data, quality=201)[0])


def test_a_large_picture_has_its_size_in_the_description():
    """A size of 0 in the packets means that they have no room for it."""
    data = encoded(80)

    assert same(put_together(JpegDepacketizer((320, 240)), fragments(data, quality=80, size=(0, 0))), data)
    assert not JpegDepacketizer(None).take(fragments(data, quality=80, size=(0, 0))[0])


def test_a_missing_fragment_is_noticed():
    """Each fragment says where in the picture it belongs."""
    payload, cut = JpegDepacketizer(None), fragments(encoded(95), quality=95)

    assert payload.take(cut[0])
    assert not payload.take(cut[2])
    assert not payload.begins(cut[1])


@pytest.mark.parametrize(
    "bad", [b"", b"\0" * 7, b"\0\0\0\0\x05\x50\x28\x1e", b"\0\0\0\0\1\x7f\x28\x1e", b"\0\0\0\0\1\xff\x28\x1e\0\0\0\x80"]
)
def test_what_is_no_jpeg(bad):
    """Too short, of an unknown type or quality factor, or with tables that are cut off."""
    payload = JpegDepacketizer(None)

    assert not payload.take(bad)
    payload.discard()
    assert payload.finish() is None
