"""JPEG out of RTP (RFC 2435), with ONVIF's extension: the heads that cameras leave out are put in again."""

import struct
from functools import lru_cache

from producer.rtsp.depacketizer import Position
from producer.rtsp.jpeg_segments import extension_segments
from producer.rtsp.rtp import RtpPacket
from shared.frames.jpeg import STANDARD_TABLES

_HEAD = 8
_RESTART_HEAD = 4
_TABLES_HEAD = 4
_TABLE = 64
_IN_BAND = 128  # quality factors from here on: the tables are in the packets
_BEST_QUALITY = 100  # up to here: the standard tables, scaled; 99 in the RFC
_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_JFIF = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"

# ITU T.81, tables K.1 and K.2, row by row.
_STANDARD = (
    bytes.fromhex(
        "100b0a101828333d0c0c0e131a3a3c370e0d1018283945380e11161d3357503e"
        "12162538446d674d182337405168715c31404e5767797865485c5f6270646763"
    ),
    bytes.fromhex("1112182f6363636312151a4263636363181a3863636363632f42636363636363") + b"\x63" * 32,
)
# Positions in the order in which tables are written (T.81, figure A.6): along the diagonals, in zigzag.
_ZIGZAG = sorted(range(64), key=lambda at: (at // 8 + at % 8, at // 8 if (at // 8 + at % 8) % 2 else at % 8))


class JpegDepacketizer:
    """Puts fragments of a baseline JPEG together, and makes it complete."""

    codec = "mjpeg"

    def __init__(self, size: tuple[int, int] | None) -> None:
        """Prepare.

        Args:
            size: width and height in pixels out of the session description; packets have no room for 2048 and more.
        """
        self._described = size
        self._known_tables: dict[int, tuple[bytes, int]] = {}  # by quality factor: tables, precisions
        self.discard()

    def position(self, packet: RtpPacket) -> Position:
        """Return where in its picture a packet stands: it says so."""
        return Position.INNER if int.from_bytes(packet.payload[1:4], "big") else Position.FIRST

    def take(self, packet: RtpPacket) -> bool:
        """Add a fragment to the picture; return False if it is damaged, or if what precedes it is missing."""
        payload = packet.payload
        if len(payload) < _HEAD or int.from_bytes(payload[1:4], "big") != self._size:
            return False
        kind, quality, at = payload[4], payload[5], _HEAD
        restart = 0
        if 64 <= kind < 128:
            restart, at = int.from_bytes(payload[at : at + 2], "big"), at + _RESTART_HEAD
        if not self._size:
            if quality >= _IN_BAND:
                precision, length = payload[at + 1 : at + 2], int.from_bytes(payload[at + 2 : at + 4], "big")
                at += _TABLES_HEAD
                if length and precision:  # else they are those that came before
                    self._known_tables[quality] = payload[at : at + length], precision[0]
                    at += length
            head = self._head(packet, kind & 63, quality, restart, payload[at : at + 2])
            if head is None:
                return False
            self._parts.append(head)
        self._parts.append(payload[at:])
        self._size += len(payload) - at
        return True

    def part_ended(self) -> bool:
        """Return True: a marker that is not the last one would be at any fragment."""
        return True

    def is_key(self) -> bool:
        """Return True: a JPEG refers to no other one."""
        return True

    def finish(self) -> tuple[bytes, bool] | None:
        """Return the picture, or None if there is none yet."""
        if not self._size:
            return None
        end = b"" if self._parts[-1].rstrip(b"\0").endswith(_EOI) else _EOI
        data = b"".join((*self._parts, end))
        self.discard()
        return data, True

    def discard(self) -> None:
        """Begin another picture."""
        self._parts: list[bytes] = []
        self._size = 0

    def _head(self, packet: RtpPacket, sampling: int, quality: int, restart: int, scan: bytes) -> bytes | None:
        """Return what goes in front of the scan, or None if that cannot be told."""
        if scan == _SOI:  # the camera left out nothing
            return b""
        extension = extension_segments(packet.extension)
        width, height = packet.payload[6] * 8, packet.payload[7] * 8
        if self._described and not (width and height):
            width, height = self._described
        quantisation = extension.quantisation or self._quantisation(quality)
        if not quantisation:
            return None
        frame = extension.frame or _frame(sampling, width, height, tables=len(quantisation))
        if frame is None:
            return None
        interval = b"\xff\xdd" + struct.pack("!HH", 4, restart) if restart else extension.restart_interval
        huffman = extension.huffman or STANDARD_TABLES
        return b"".join((_SOI, _JFIF, *quantisation, interval, frame, huffman, _scan_head(frame)))

    def _quantisation(self, quality: int) -> list[bytes]:
        if quality >= _IN_BAND:
            return _quantisation(*self._known_tables.get(quality, (b"", 0)))
        return _quantisation(scaled_tables(quality), 0) if 1 <= quality <= _BEST_QUALITY else []


def _frame(sampling: int, width: int, height: int, *, tables: int) -> bytes | None:
    """Return the head of a frame of type 0 or 1 (RFC 2435, section 4.1)."""
    if sampling > 1 or not (width and height):
        return None
    # Y with two blocks side by side (4:2:2), or two by two (4:2:0); Cb and Cr, which may share its table.
    chrominance = min(1, tables - 1)
    components = bytes((1, 0x22 if sampling else 0x21, 0, 2, 0x11, chrominance, 3, 0x11, chrominance))
    return b"\xff\xc0" + struct.pack("!HBHHB", 8 + len(components), 8, height, width, 3) + components


def _scan_head(frame: bytes) -> bytes:
    """Return the head of the scan of all components of a frame; luminance with the first Huffman tables."""
    identifiers = frame[10::3]
    components = b"".join(bytes((name, 0x00 if not at else 0x11)) for at, name in enumerate(identifiers))
    return b"\xff\xda" + struct.pack("!HB", 6 + len(components), len(identifiers)) + components + b"\x00\x3f\x00"


@lru_cache
def scaled_tables(quality: int) -> bytes:
    """Return the standard tables of luminance and chrominance for a quality factor of 1 to 100 (RFC 2435, section 4.2).

    They are in zigzag order, as they are written.
    """
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return bytes(min(255, max(1, (table[at] * scale + 50) // 100)) for table in _STANDARD for at in _ZIGZAG)


def _quantisation(tables: bytes, precisions: int) -> list[bytes]:
    """Return a segment for each table; of 16 bits a value where its bit in `precisions` is set."""
    segments: list[bytes] = []
    at = 0
    while at < len(tables):
        wide = precisions >> len(segments) & 1
        size = _TABLE << wide
        if at + size > len(tables):
            return []
        segments.append(struct.pack("!2sHB", b"\xff\xdb", 3 + size, wide << 4 | len(segments)) + tables[at : at + size])
        at += size
    return segments
