"""Small pictures that are expensive to decode, made by hand; nothing in them is random."""

import struct
import zlib


def progressive(width: int, height: int, scans: int) -> bytes:
    """Return a grey progressive JPEG of zeros: a DC scan of a bit per block, then AC scans of end-of-band runs."""
    blocks = -(-width // 8) * -(-height // 8)
    head = b"\xff\xd8" + _segment(0xDB, b"\0" + b"\1" * 64)
    head += _segment(0xC2, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")
    head += _segment(0xC4, b"\x00\1\1" + bytes(14) + b"\0\1")  # DC: category 0 is the bit 0
    first = _segment(0xDA, b"\1\1\0\0\0\0") + bytes(-(-blocks // 8))
    tables = _segment(
        0xC4, b"\x10\1\1" + bytes(14) + b"\xe0\x00"
    )  # AC: EOB14, a run of 16384 and 14 bits, is the bit 0
    run = "0" + "1" * 14  # 32767 blocks
    bits = run * -(-blocks // 32767)
    coded = int(bits + "1" * (-len(bits) % 8), 2).to_bytes(-(-len(bits) // 8), "big").replace(b"\xff", b"\xff\0")
    refinements = [_segment(0xDA, b"\1\1\0\1\x3f" + (b"\1" if i == 0 else b"\x10")) + coded for i in range(scans - 1)]
    return head + first + tables + b"".join(refinements) + b"\xff\xd9"


def baseline(width: int, height: int) -> bytes:
    """Return a baseline 4:2:0 JPEG of zeros, two bits a block."""
    components = [(1, 0x22), (2, 0x11), (3, 0x11)]
    head = b"\xff\xd8" + _segment(0xDB, b"\0" + b"\1" * 64)
    frame = b"".join(bytes((number, sampling, 0)) for number, sampling in components)
    head += _segment(0xC0, struct.pack(">BHHB", 8, height, width, 3) + frame)
    head += _segment(0xC4, b"\x00\1\1" + bytes(14) + b"\0\1") + _segment(0xC4, b"\x10\1\1" + bytes(14) + b"\0\1")
    head += _segment(0xDA, b"\3" + b"".join(bytes((number, 0)) for number, _ in components) + b"\0\x3f\0")
    blocks = -(-width // 16) * -(-height // 16) * 6
    return head + bytes(-(-blocks * 2 // 8)) + b"\xff\xd9"


def png(width: int, height: int) -> bytes:
    """Return a black RGB PNG; zeros shrink to a thousandth."""
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + width * 3)) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def gif(side: int) -> bytes:
    """Return a GIF that states a size and holds one pixel."""
    screen = b"GIF89a" + struct.pack("<HH", side, side) + b"\x80\0\0" + bytes(6)
    return screen + b"\x2c" + struct.pack("<HHHH", 0, 0, 1, 1) + b"\0\2\2\x44\1\0\x3b"


def _segment(marker: int, content: bytes) -> bytes:
    return b"\xff" + bytes((marker,)) + struct.pack(">H", len(content) + 2) + content


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
