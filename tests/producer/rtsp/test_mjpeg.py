import re
import struct

import cv2
import numpy as np
import pytest

from producer.rtsp.depacketizer import Position
from producer.rtsp.mjpeg import JpegDepacketizer
from producer.rtsp.rtp import RtpPacket
from shared.frames import jpeg, pixels
from tests.producer.cameras import image

FRAGMENT = 700  # bytes


def fragments(
    data: bytes, *, quality: int, restart: bool = False, tables: bytes = b"", size: tuple[int, int] | None = None
) -> list[bytes]:
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


def packet(payload: bytes, extension: bytes = b"") -> RtpPacket:
    return RtpPacket(False, 26, 0, 0, payload, extension)


def put_together(depacketizer: JpegDepacketizer, cut: list[bytes], extension: bytes = b"") -> bytes:
    assert depacketizer.position(packet(cut[0])) is Position.FIRST
    assert all(depacketizer.position(packet(part)) is Position.INNER for part in cut[1:])
    assert all(depacketizer.take(packet(part, extension)) for part in cut)
    finished = depacketizer.finish()
    assert finished is not None
    data, key = finished
    assert key
    return data


def encoded(quality: int, *, sampling: int = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420, restart: int = 0) -> bytes:
    parameters = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    parameters += [cv2.IMWRITE_JPEG_RST_INTERVAL, restart]
    return cv2.imencode(".jpg", image(), parameters)[1].tobytes()


def same(one: bytes, other: bytes) -> bool:
    return np.array_equal(pixels.decode(one), pixels.decode(other))


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 51, 75, 99, 100])
def test_tables_are_made_from_the_quality(quality: int) -> None:
    """Below 100 the quality factor stands for the standard tables, scaled; libjpeg's quality is the same number."""
    data = encoded(quality)

    assert same(put_together(JpegDepacketizer(None), fragments(data, quality=quality)), data)


@pytest.mark.parametrize("sampling", [cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422])
@pytest.mark.parametrize("restart", [0, 20])
def test_both_samplings_with_and_without_restarts(sampling: int, restart: int) -> None:
    """Types 0 and 1, and those with a restart interval; the published JPEG is complete."""
    data = encoded(80, sampling=sampling, restart=restart)

    result = put_together(JpegDepacketizer(None), fragments(data, quality=80, restart=bool(restart)))

    picture = jpeg.inspect(result)
    assert same(result, data)
    assert picture.has_huffman_tables
    assert picture.restart_interval == restart


def test_tables_in_the_packets_are_kept() -> None:
    """From 128 on the tables are in the first packet; if they are left out, those before are meant."""
    depacketizer, data = JpegDepacketizer(None), encoded(33)
    quantisation = jpeg.inspect(data).quantisation
    tables = quantisation[1:65] + quantisation[66:130]

    for given in (tables, b"", b""):
        assert same(put_together(depacketizer, fragments(data, quality=200, tables=given)), data)
    assert not JpegDepacketizer(None).take(packet(fragments(data, quality=201)[0]))


def test_a_large_picture_has_its_size_in_the_description() -> None:
    """A size of 0 in the packets means that they have no room for it."""
    data = encoded(80)

    assert same(put_together(JpegDepacketizer((320, 240)), fragments(data, quality=80, size=(0, 0))), data)
    assert not JpegDepacketizer(None).take(packet(fragments(data, quality=80, size=(0, 0))[0]))


def test_a_missing_fragment_is_noticed() -> None:
    """Each fragment says where in the picture it belongs."""
    depacketizer, cut = JpegDepacketizer(None), fragments(encoded(95), quality=95)

    assert depacketizer.take(packet(cut[0]))
    assert not depacketizer.take(packet(cut[2]))


@pytest.mark.parametrize(
    "bad", [b"", b"\0" * 7, b"\0\0\0\0\x05\x50\x28\x1e", b"\0\0\0\0\1\x7f\x28\x1e", b"\0\0\0\0\1\xff\x28\x1e\0\0\0\x80"]
)
def test_what_is_not_a_jpeg(bad: bytes) -> None:
    """Too short, of an unknown type or quality factor, or with tables that are cut off."""
    depacketizer = JpegDepacketizer(None)

    assert not depacketizer.take(packet(bad))
    depacketizer.discard()
    assert depacketizer.finish() is None


def segment(data: bytes, marker: int) -> bytes:
    begin = data.index(bytes((0xFF, marker)))
    return data[begin : begin + 2 + int.from_bytes(data[begin + 2 : begin + 4], "big")]


def extension(kind: int, content: bytes) -> bytes:
    padded = content + b"\xff" * (-len(content) % 4)
    return struct.pack("!HH", kind, len(padded) // 4) + padded


@pytest.mark.parametrize("before", [b"", struct.pack("!HH", 0xABAC, 3) + bytes(12)])
@pytest.mark.parametrize("kind", [0xFFD8, 0xFFFF])
def test_onvif_s_extension(kind: int, before: bytes) -> None:
    """Pictures beyond 2040 pixels, with tables of the camera's own, in the extension of each first packet."""
    large = cv2.resize(image(), (2400, 2208))
    parameters = [cv2.IMWRITE_JPEG_QUALITY, 60, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    data = cv2.imencode(".jpg", large, parameters)[1].tobytes()
    tables = data[data.index(b"\xff\xc4") : data.index(b"\xff\xda")]
    quantisation = b"".join(segment(data[at:], 0xDB) for at in [m.start() for m in re.finditer(b"\xff\xdb", data)][:2])
    own = before + extension(kind, quantisation + segment(data, 0xC0) + tables)

    assert same(put_together(JpegDepacketizer(None), fragments(data, quality=60, size=(0, 0)), own), data)


@pytest.mark.parametrize(
    "odd", [b"\xff\xd8", b"\xff\xd8\0\1\xff\xc0\xff\xff", b"\xff\xd8\0\0\xff\xc4\0\0", b"\xab\xac", b"\1\2\0\1abcd"]
)
def test_an_extension_that_makes_no_sense_is_ignored(odd: bytes) -> None:
    """Cut off, of another kind, or with lengths that cannot be."""
    data = encoded(80)

    assert same(put_together(JpegDepacketizer(None), fragments(data, quality=80), odd), data)


def test_a_whole_jpeg_in_the_packets() -> None:
    """A camera that leaves out nothing is believed its own head."""
    data = encoded(80)
    cut = [
        struct.pack("!I4B", at, 1, 255, 40, 30) + b"\0\0\0\0" * (not at) + data[at : at + 900]
        for at in range(0, len(data), 900)
    ]

    assert put_together(JpegDepacketizer(None), cut) == data
