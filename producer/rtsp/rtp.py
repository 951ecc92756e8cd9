"""The head of an RTP packet (RFC 3550, section 5.1)."""

import struct
from dataclasses import dataclass, field

_FIXED = struct.Struct("!BBHI4x")  # version, padding, extension, CSRC count; marker, type; sequence; timestamp; SSRC
_VERSION = 2


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """A part of a coded picture.

    Attributes:
        marker: this is the last part of the picture.
        payload_type: as in the description of the session.
        sequence: 16 bits, counts packets.
        timestamp: 32 bits, the same in all parts of a picture.
        payload: without heads and padding.
    """

    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    payload: bytes = field(repr=False)


def parse(data: bytes) -> RtpPacket | None:
    """Return the packet in `data`; None: it is none."""
    if len(data) < _FIXED.size:
        return None
    first, second, sequence, timestamp = _FIXED.unpack_from(data)
    if first >> 6 != _VERSION:
        return None
    begin, end = _FIXED.size + 4 * (first & 15), len(data)
    if first & 0x10:  # an extension: two bytes of its own kind, two with its length in words
        begin += 4 + 4 * int.from_bytes(data[begin + 2 : begin + 4], "big")
    if first & 0x20:  # padding: its length is its last byte
        end -= data[-1]
    if begin > end:
        return None
    return RtpPacket(bool(second & 0x80), second & 0x7F, sequence, timestamp, data[begin:end])
