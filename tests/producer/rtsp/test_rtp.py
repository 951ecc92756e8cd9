import struct

import pytest

from producer.rtsp.rtp import RtpPacket, parse


def packed(first: int, second: int, rest: bytes) -> bytes:
    return struct.pack("!BBHII", first, second, 7, 8, 9) + rest


def test_heads_of_every_length_and_padding():
    """Contributing sources, an extension and padding are taken off (RFC 3550, section 5.1)."""
    plain = RtpPacket(True, 96, 7, 8, b"payload")

    assert parse(packed(0x80, 0xE0, b"payload")) == plain
    assert parse(packed(0x82, 0xE0, bytes(8) + b"payload")) == plain
    assert parse(packed(0x90, 0xE0, b"\xab\xac\0\1" + bytes(4) + b"payload")) == plain
    assert parse(packed(0xB1, 0xE0, bytes(4) + b"\xab\xac\0\0" + b"payload" + b"\0\0\3")) == plain
    assert parse(packed(0x80, 0x60, b"")) == RtpPacket(False, 96, 7, 8, b"")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80" * 11,
        packed(0x40, 0, b"x"),
        packed(0x8F, 0, b"x"),
        packed(0x90, 0, b"\0\0\xff\xff"),
        packed(0xA0, 0, b"\xff"),
    ],
)
def test_what_is_no_packet(data):
    """Too short for its own heads, of another version, or padded with more than there is."""
    assert parse(data) is None
