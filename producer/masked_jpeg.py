"""Masks on a camera's own JPEG: only the rows of MCUs under them are decoded and encoded again."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby

import numpy as np

from producer.mask import RIM, blacken, rectangles
from producer.protocol import Polygons
from shared.errors import BadPicture
from shared.frames import jpeg_rows, pixels
from shared.frames.jpeg import Picture
from shared.frames.jpeg_bare import bare
from shared.frames.jpeg_strips import EncodeStrip, strip_encoder

_EVERY_COLOUR = 8  # pixels: an MCU of that size has colour for every pixel
_MOST_ROWS = 0.9  # share of the rows; beyond it coding the whole picture costs the same


def masked_rows(data: bytes, picture: Picture, masks: Polygons) -> bytes | None:
    """Return a JPEG with masks painted, byte for byte the same in all rows of MCUs that no mask touches.

    Everything but the picture is left out: EXIF data and thumbnails, comments, further pictures, bytes after the end.

    Args:
        data: a JPEG that is upright and shown alike by all viewers.
        picture: its header.
        masks: what to cover; at least one polygon.

    Returns:
        The masked JPEG; None if the picture has to be decoded as a whole: it has no restart marker after every row,
        more than one scan, or tables or a sampling that our encoders do not write.

    Raises:
        BadPicture: a row cannot be decoded.
    """
    if picture.has_adobe:  # it may say that the components are other colours than YCbCr
        return None
    cell = picture.mcu_width, picture.mcu_height
    found = rectangles(masks, picture.width, picture.height, cell)
    covered = {top // picture.mcu_height for left, top, right, _ in found if right - left == picture.width}
    mixed = {top // picture.mcu_height for _, top, _, _ in found} - covered
    if len(mixed) > _MOST_ROWS * picture.mcu_rows:
        return None
    try:
        rest = bare(data, picture)
    except BadPicture:  # markers out of order, or something behind the scan: a decoder may be able to handle it
        return None
    encode = strip_encoder(rest.header)
    if encode is None:
        return None
    rim = 0 if max(cell) == _EVERY_COLOUR else RIM
    coded: dict[int, bytes] = {}
    for rows in _ranges(mixed):
        strip = jpeg_rows.take_rows(rest.data, rest.header, rest.offsets, rows.start, rows.stop)
        image, first = pixels.decode_inspected(strip), rows.start * picture.mcu_height
        blacken(image, [one for one in found if first <= one[1] < first + len(image)], rim=rim, first_row=first)
        coded[rows.start] = encode(image)
    for rows in _ranges(covered):
        height = min(rows.stop * picture.mcu_height, picture.height) - rows.start * picture.mcu_height
        coded[rows.start] = _black(encode, picture.width, height)
    return jpeg_rows.replace_rows(rest.data, rest.header, rest.offsets, coded)


def _ranges(rows: set[int]) -> Iterator[range]:
    """Yield rows of MCUs as ranges, no two of them adjacent."""
    for _, neighbours in groupby(enumerate(sorted(rows)), lambda numbered: numbered[1] - numbered[0]):
        group = [row for _, row in neighbours]
        yield range(group[0], group[-1] + 1)


@lru_cache(maxsize=16)
def _black(encode: EncodeStrip, width: int, height: int) -> bytes:
    """Return a strip that is covered from side to side: there is nothing to decode, and it is the same every time."""
    return encode(np.zeros((height, width, 3), np.uint8))
