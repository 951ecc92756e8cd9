import struct

import pytest

from producer.rtsp.rtp import RtpPacket, parse


def packed(first: int, second: int, rest: bytes) -> bytes:
    return struct.pack("!BBHII", first, second, 7, 8, 9) + rest


def test_heads_of_every_length_and_padding() -> None:
    """Contributing sources, an extension and padding are taken off (RFC 3550, section 5.1)."""
    plain = RtpPacket(True, 96, 7, 8, b"payload")
    extension = b"\xab\xac\0\1" + bytes(4)

    assert parse(packed(0x80, 0xE0, b"payload")) == plain
    assert parse(packed(0x82, 0xE0, bytes(8) + b"payload")) == plain
    assert parse(packed(0x90, 0xE0, extension + b"payload")) == RtpPacket(True, 96, 7, 8, b"payload", extension)
    padded = parse(packed(0xB1, 0xE0, bytes(4) + b"\xab\xac\0\0" + b"payload" + b"\0\0\3"))
    assert padded == RtpPacket(True, 96, 7, 8, b"payload", b"\xab\xac\0\0")
    assert parse(packed(0x80, 0x60, b"")) == RtpPacket(False, 96, 7, 8, b"")


@pytest.mark.parametrize(
    ("data", "payload"),
    [
        (packed(0xA0, 0xE0, b"\0\0\0\4"), b""),  # nothing but padding
        (packed(0xA0, 0xE0, b"x\xff"), b"x\xff"),  # padded with more than there is
        (packed(0xA0, 0xE0, b"x\0"), b"x\0"),
        (packed(0x8F, 0xE0, b"x"), b""),  # more sources than there are
        (packed(0x90, 0xE0, b"\0\0\xff\xff"), b""),
    ],
)
def test_lengths_that_cannot_be(data: bytes, payload: bytes) -> None:
    """The packet counts all the same: without it there would be a gap in the numbers."""
    packet = parse(data)

    assert packet is not None
    assert (packet.sequence, packet.timestamp, packet.payload) == (7, 8, payload)


@pytest.mark.parametrize("data", [b"", b"\x80" * 11, packed(0x40, 0, b"x")])
def test_what_is_not_a_packet(data: bytes) -> None:
    """Too short for a head, or of another version."""
    assert parse(data) is None
