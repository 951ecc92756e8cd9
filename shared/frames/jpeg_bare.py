"""A JPEG with one picture and nothing else: no EXIF data, thumbnail, comment, second picture or bytes after the end."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from shared.errors import BadPicture
from shared.frames.jpeg import SOI, Picture

JFIF = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
"""The segment that says that three components are YCbCr (JFIF 1.02), without a thumbnail."""
_KEPT = frozenset({0xC0, 0xC4, 0xDB, 0xDD})  # SOF0, DHT, DQT, DRI
_FILL, _RST0, _EOI = 0xFF, 0xD0, 0xD9


@dataclass(frozen=True, slots=True)
class BareJpeg:
    """A JPEG with only the segments that a decoder needs, its header, and where its rows of MCUs begin.

    `offsets` is what `jpeg_rows.split_rows` returns for all rows.
    """

    data: bytes
    header: Picture
    offsets: list[int]


def bare(data: bytes, picture: Picture) -> BareJpeg:
    """Return a JPEG without everything that is not its picture.

    Args:
        data: The whole picture.
        picture: Its header, as `jpeg.inspect` returned it.

    Raises:
        BadPicture: Its rows of MCUs cannot be told apart, are missing or out of order, or something other than the end
            of the image follows them.
    """
    if not picture.restarts_every_row:
        raise BadPicture("no restart marker after every row of MCUs")
    begins, end = _rows(data, picture)
    head, height_offset = _head(data, picture)
    shift = len(head) - picture.scan_header_offset
    whole = b"".join((head, memoryview(data)[picture.scan_header_offset : end]))
    header = replace(
        picture,
        has_exif=False,
        has_adobe=False,
        height_offset=height_offset,
        scan_header_offset=len(head),
        scan_offset=picture.scan_offset + shift,
        end=len(whole),
    )
    return BareJpeg(whole, header, [header.scan_offset, *(at + shift for at in begins), len(whole)])


def _rows(data: bytes, picture: Picture) -> tuple[list[int], int]:
    """Return where the second and the further rows begin, and where the picture ends."""
    # numpy takes half the time of a regular expression.
    coded = np.frombuffer(data, np.uint8, picture.end - picture.scan_offset, picture.scan_offset)
    at = np.flatnonzero(coded == _FILL)  # none is the last byte, which belongs to the marker at the end
    kinds = coded[at + 1]
    markers = np.flatnonzero(kinds)[: picture.mcu_rows]  # FF 00 stands for a byte FF (B.1.1.5)
    if kinds[markers].tobytes() != _expected(picture.mcu_rows):
        raise BadPicture("restart markers, or the end of the image after the last row, are missing or out of order")
    ends: list[int] = (at[markers] + picture.scan_offset + 2).tolist()
    return ends[:-1], ends[-1]


@lru_cache(maxsize=16)
def _expected(rows: int) -> bytes:
    """Return the second bytes of the markers of a scan with a restart marker after every row of MCUs."""
    return bytes((*(_RST0 + row % 8 for row in range(rows - 1)), _EOI))


def _head(data: bytes, picture: Picture) -> tuple[bytes, int]:
    """Return the segments that are kept, and where among them the height stands."""
    parts, length, at, height_offset = [SOI, JFIF], len(SOI) + len(JFIF), len(SOI), 0
    while at < picture.scan_header_offset:
        if data[at + 1] == _FILL:  # a fill byte before a marker (B.1.1.2)
            at += 1
            continue
        end = at + 2 + (data[at + 2] << 8 | data[at + 3])
        if data[at + 1] in _KEPT:
            if at < picture.height_offset < end:
                height_offset = length + picture.height_offset - at
            parts.append(data[at:end])
            length += end - at
        at = end
    return b"".join(parts), height_offset
