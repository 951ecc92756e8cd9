"""Draws labels and boxes on a JPEG; where the picture allows it, only the rows of MCUs under them are decoded.

What the fast path guarantees: the coefficients of all other rows stay as they are, byte by byte. Decoded, their
pixels are the same too, except for the line of pixels next to an exchanged row: a decoder mixes the colour (never the
brightness) of neighbouring lines there, since 4:2:0 has colour for every second line only.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from consumer.drawing.layout import layout
from consumer.drawing.mark import Mark
from consumer.overlay import Overlay
from shared.errors import BadPicture
from shared.frames import jpeg, jpeg_rows, pixels
from shared.frames.jpeg_strips import EncodeStrip, strip_encoder

_QUICK_UP_TO = 0.8  # share of the rows; beyond it decoding the whole picture costs the same
_SOS = b"\xff\xda"  # start of a scan (ITU T.81, B.1.1.3)
_COLOURS = 3  # components


def imprint(picture: bytes, overlay: Overlay, *, quality: int) -> bytes:
    """Return `picture` with `overlay` drawn on it.

    Args:
        picture: any JPEG.
        overlay: what to draw; if none of it lies within the picture, `picture` is returned unchanged
            (with the standard Huffman tables if it had none).
        quality: JPEG quality, 1 to 100, for a picture that is encoded as a whole. Where only some rows are, they get
            the quality that the picture has.

    Raises:
        BadPicture: `picture` cannot be decoded; the message says why.
    """
    return prepare(picture, overlay).drawn(quality=quality)


def imprint_whole(picture: bytes, overlay: Overlay, *, quality: int) -> bytes:
    """Return `picture` with `overlay`, the slow path: decoded as a whole (and turned upright), drawn on, encoded."""
    image = pixels.decode(picture)
    height, width = image.shape[:2]
    _draw(image, 0, layout(overlay, width, height))
    return pixels.encode(image, quality)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture and the marks to draw on it; nothing is decoded yet.

    Attributes:
        cost: pixels to decode, times the scans in which they are coded; 0 if there is nothing to draw.
    """

    picture: bytes
    overlay: Overlay
    cost: int
    _header: jpeg.Picture
    _strips: "_Strips | None"

    def drawn(self, *, quality: int) -> bytes:
        """Return the picture with the overlay; arguments and errors as of `imprint`."""
        if not self.cost:
            return self.picture
        if self._strips is None:
            return imprint_whole(self.picture, self.overlay, quality=quality)
        return self._strips.drawn(self.picture, self._header)


@dataclass(frozen=True, slots=True)
class _Strips:
    """The rows of MCUs to exchange, and what is drawn on them."""

    ranges: list[range]
    offsets: list[int]
    marks: tuple[Mark, ...]
    encode: EncodeStrip

    def drawn(self, picture: bytes, header: jpeg.Picture) -> bytes:
        strips = {}
        for rows in self.ranges:
            # Header and markers have been checked: by `strip_encoder` and `split_rows`.
            image = pixels.decode_inspected(jpeg_rows.take_rows(picture, header, self.offsets, rows.start, rows.stop))
            _draw(image, rows.start * header.mcu_height, self.marks)
            strips[rows.start] = self.encode(image)
        return jpeg_rows.replace_rows(picture, header, self.offsets, strips)


def prepare(picture: bytes, overlay: Overlay, header: jpeg.Picture | None = None) -> Drawing:
    """Find out what drawing `overlay` on `picture` takes; decodes nothing.

    Args:
        picture: any JPEG.
        overlay: what to draw.
        header: of the picture, if it is known.

    Raises:
        BadPicture: `picture` is not a JPEG, or costs more to decode than the limits allow.
    """
    header = header or jpeg.inspect(picture)
    if not header.has_huffman_tables:
        picture = jpeg.with_standard_tables(picture)
        header = jpeg.inspect(picture)
    marks = layout(overlay, header.width, header.height)
    if not marks:
        return Drawing(picture, overlay, 0, header, None)
    strips = _strips(picture, header, marks)
    if strips is not None:
        cost = sum(map(len, strips.ranges)) * header.mcu_height * header.width
    else:
        scans = 1 if header.single_scan else 1 + picture.count(_SOS, header.scan_offset, header.end)
        cost = header.width * header.height * scans
    return Drawing(picture, overlay, cost, header, strips)


def _strips(picture: bytes, header: jpeg.Picture, marks: tuple[Mark, ...]) -> _Strips | None:
    """Return the rows to exchange; None if the picture has to be drawn on as a whole."""
    encode = strip_encoder(header) if len(header.components) == _COLOURS else None  # a grey one could show no colours
    ranges = _ranges(marks, header)
    if encode is None or sum(map(len, ranges)) > _QUICK_UP_TO * header.mcu_rows:
        return None
    try:
        offsets = jpeg_rows.split_rows(picture, header, ranges[-1].stop)
    except BadPicture:  # markers out of order, which a decoder can handle
        return None
    return _Strips(ranges, offsets, marks, encode)


def _draw(image: pixels.Image, first_row: int, marks: Iterable[Mark]) -> None:
    """Draw `marks` on `image`, changed in place, whose first row is row `first_row` of the picture."""
    for mark in marks:
        if mark.bottom > first_row and mark.top < first_row + len(image):
            mark.draw(image, first_row)


def _ranges(marks: Iterable[Mark], header: jpeg.Picture) -> list[range]:
    """Return the rows of MCUs that `marks` touch, as ranges in order, no two of them adjacent."""
    # Decoding starts at each range's first row without the colour of the line above it. A spare row would give it
    # that, but encoding the line a second time would blur its colour again.
    ranges: list[range] = []
    for mark in sorted(marks, key=lambda mark: mark.top):
        first = max(mark.top, 0) // header.mcu_height
        stop = -(-min(mark.bottom, header.height) // header.mcu_height)
        if ranges and first <= ranges[-1].stop:
            ranges[-1] = range(ranges[-1].start, max(stop, ranges[-1].stop))
        else:
            ranges.append(range(first, stop))
    return ranges
