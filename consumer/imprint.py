"""An overlay drawn on a JPEG; only the rows of MCUs under it are decoded where the picture allows that.

What the quick way guarantees: the coefficients of all other rows stay as they were, byte by byte. Decoded,
their pixels are the same too, but for the one line of pixels next to an exchanged row: a decoder mixes the
colour (never the brightness) of neighbouring lines there, since 4:2:0 has colour for every second line only.
"""

from collections.abc import Iterable
from functools import cache

import numpy as np

from consumer.overlay import Mark, Overlay, layout
from shared.errors import BadPicture
from shared.frames import jpeg, jpeg_rows, pixels

_QUICK_UP_TO = 0.9  # share of the rows; beyond it decoding the whole picture costs the same


def imprint(picture: bytes, overlay: Overlay, *, quality: int) -> bytes:
    """Return `picture` with `overlay` drawn on it.

    Args:
        picture: Any JPEG.
        overlay: What to draw; if nothing of it lies within the picture, that is returned as it is
            (with the standard Huffman tables if it had none).
        quality: JPEG quality, 1 to 100, used when the whole picture is encoded anew. Where only some rows
            are, they get the quality that the picture has.

    Raises:
        BadPicture: `picture` cannot be decoded; the message says why.
    """
    header = jpeg.inspect(picture)
    if not header.has_huffman_tables:
        picture = jpeg.with_standard_tables(picture)
        header = jpeg.inspect(picture)
    marks = layout(overlay, header.width, header.height)
    if not marks:
        return picture
    own_quality = _own_quality(header)
    ranges = _ranges(marks, header)
    if own_quality is None or sum(map(len, ranges)) > _QUICK_UP_TO * header.mcu_rows:
        return imprint_whole(picture, overlay, quality=quality)
    try:
        offsets = jpeg_rows.split_rows(picture, header, ranges[-1].stop)
    except BadPicture:  # markers out of order: a decoder copes with that
        return imprint_whole(picture, overlay, quality=quality)
    strips = {}
    for rows in ranges:
        image = pixels.decode(jpeg_rows.take_rows(picture, header, offsets, rows.start, rows.stop))
        _draw(image, rows.start * header.mcu_height, marks)
        strips[rows.start] = pixels.encode(image, own_quality)
    return jpeg_rows.replace_rows(picture, header, offsets, strips)


def imprint_whole(picture: bytes, overlay: Overlay, *, quality: int) -> bytes:
    """Return `picture` with `overlay`, the slow way: decoded (and turned upright), drawn on, encoded anew."""
    image = pixels.decode(picture)
    height, width = image.shape[:2]
    _draw(image, 0, layout(overlay, width, height))
    return pixels.encode(image, quality)


def _draw(image: pixels.Image, first_row: int, marks: Iterable[Mark]) -> None:
    """Draw `marks` on `image`, changed in place, whose first row is row `first_row` of the picture."""
    for mark in marks:
        mark.draw(image, first_row)


def _ranges(marks: Iterable[Mark], header: jpeg.Picture) -> list[range]:
    """Return the rows of MCUs that `marks` touch, as ranges in order, no two of them adjacent."""
    # Decoding starts at each range's first row without the colour of the line above it. A spare row would
    # give it that, but coding the line again would then blur its colour twice; without it, it stays sharper.
    ranges: list[range] = []
    for mark in sorted(marks, key=lambda mark: mark.top):
        first = max(mark.top, 0) // header.mcu_height
        stop = -(-min(mark.bottom, header.height) // header.mcu_height)
        if ranges and first <= ranges[-1].stop:
            ranges[-1] = range(ranges[-1].start, max(stop, ranges[-1].stop))
        else:
            ranges.append(range(first, stop))
    return ranges


def _own_quality(header: jpeg.Picture) -> int | None:
    """Return the quality at which our encoder writes rows that fit into this picture; None if it cannot."""
    if not header.restarts_every_row or not header.standard_huffman or header.has_exif or header.has_adobe:
        return None
    form, qualities = _encoder()
    if (header.precision, header.components, header.scan) != form:
        return None
    return qualities.get(header.quantisation)


@cache
def _encoder() -> tuple[tuple[int, tuple[jpeg.Component, ...], bytes], dict[bytes, int]]:
    """Return the form that our encoder writes, and by its quantisation tables the quality that gives them."""
    tiny = np.zeros((16, 16, 3), np.uint8)
    headers = {quality: jpeg.inspect(pixels.encode(tiny, quality)) for quality in range(1, 101)}
    return (
        (headers[1].precision, headers[1].components, headers[1].scan),
        {header.quantisation: quality for quality, header in headers.items()},
    )
