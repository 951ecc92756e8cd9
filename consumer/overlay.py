"""The captions and boxes that are drawn on a picture, and their look."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Protocol, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.frames.pixels import Image

Colour: TypeAlias = tuple[int, int, int]
"""Blue, green, red, each 0 to 255."""
Mask: TypeAlias = NDArray[np.uint8]
"""Shape (height, width), 0 to 255."""


class LineState(StrEnum):
    """How far a line can be trusted; it decides the colours."""

    NORMAL = "normal"
    STALE = "stale"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Line:
    """A caption: `text`, which is shortened when there is little room, and a `note` (`87%`, an age), which is not."""

    text: str
    note: str = ""
    state: LineState = LineState.NORMAL


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the picture with a caption above it; it may extend beyond the picture."""

    x: int
    y: int
    width: int
    height: int
    line: Line


@dataclass(frozen=True, slots=True)
class Overlay:
    """Captions from the top left corner downwards, and boxes anywhere."""

    lines: tuple[Line, ...] = ()
    boxes: tuple[Box, ...] = ()


class Mark(Protocol):
    """Something to draw in rows `top` to `bottom - 1` of the picture."""

    @property
    def top(self) -> int: ...  # noqa: D102

    @property
    def bottom(self) -> int: ...  # noqa: D102

    def draw(self, image: Image, first_row: int) -> None:
        """Draw on `image`, changed in place, whose first row is row `first_row` of the picture."""


@dataclass(frozen=True, slots=True)
class _Palette:
    box: Colour
    opacity: float
    accent: Colour
    text: Colour


_PALETTES = {
    LineState.NORMAL: _Palette((28, 22, 18), 0.74, (128, 216, 72), (248, 248, 248)),
    LineState.STALE: _Palette((28, 22, 18), 0.74, (64, 184, 255), (200, 208, 212)),
    LineState.DOWN: _Palette((32, 24, 128), 0.86, (168, 168, 255), (255, 255, 255)),
}

_CAPTION_HEIGHT = 27  # pixels in a picture 1280 wide: two of them and the margin fill four rows of MCUs
_SMALLEST_CAPTION = 14  # pixels: capitals 7 pixels high can just be read
_LARGEST_CAPTION = 160  # pixels, in a picture 13,700 wide; a picture 65,500 wide would take gigabytes for its captions
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_CAPITAL = 21  # height of a capital letter of this font at scale 1, in pixels
_LONGEST_TEXT = 200  # characters; more fit in no picture
_FARTHEST = 1 << 16  # pixels; no coordinate beyond that can be seen
_LATIN = str.maketrans(
    dict(zip("ßøØđĐłŁıħðÐþÞ", ("ss", *"oOdDlLihdD", "th", "Th"), strict=True))
    | {"æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE"}
    | dict.fromkeys("\u2018\u2019\u201a\u2032", "'")  # quotes, single and double
    | dict.fromkeys("\u201c\u201d\u201e\u2033\u00ab\u00bb", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")  # hyphens, dashes, minus
    | {"\u00d7": "x", "\u2022": "*", "\u00b7": "*", "\u2044": "/", "°": "deg", "€": "EUR", "£": "GBP"}
)
_INVISIBLE = frozenset({"Mn", "Me", "Cf"})  # accents and selectors that go with another character


def ascii_text(text: str) -> str:
    """Return `text` in the characters of OpenCV's fonts: without accents, and `?` for unknown ones.

    >>> ascii_text("Crème brûlée, 80 °C, 猫")
    'Creme brulee, 80 degC, ?'
    """
    plain = unicodedata.normalize("NFKD", text[:_LONGEST_TEXT].translate(_LATIN))
    letters = (c for c in plain.translate(_LATIN) if unicodedata.category(c) not in _INVISIBLE)
    return "".join(c if " " <= c <= "~" else " " if c.isspace() else "?" for c in letters)


@dataclass(frozen=True, slots=True)
class _Patch:
    """A finished caption and its position: the colour that it adds and how much it lets through, uint8 (h, w, 3)."""

    x: int
    y: int
    colour: Image
    transparency: Image

    @property
    def top(self) -> int:
        return self.y

    @property
    def bottom(self) -> int:
        return self.y + len(self.colour)

    def draw(self, image: Image, first_row: int) -> None:
        """Blend onto `image`; see Mark."""
        height, width = self.colour.shape[:2]
        top, left = self.y - first_row, self.x
        above, below = max(-top, 0), min(height, len(image) - top)
        across = min(width, image.shape[1] - left)
        if below <= above or across <= 0:
            return
        part = image[top + above : top + below, left : left + across]
        cv2.multiply(part, self.transparency[above:below, :across], dst=part, scale=1 / 255)
        cv2.add(part, self.colour[above:below, :across], dst=part)


@dataclass(frozen=True, slots=True)
class _Outline:
    """Four lines around a box, with a dark edge that makes them visible on any background."""

    x: int
    y: int
    right: int
    below: int
    thickness: int
    colour: Colour

    @property
    def top(self) -> int:
        return self.y - self.thickness - 1

    @property
    def bottom(self) -> int:
        return self.below + self.thickness + 2

    def draw(self, image: Image, first_row: int) -> None:
        """Draw on `image`; see Mark."""
        begin, end = (self.x, self.y - first_row), (self.right, self.below - first_row)
        for colour, thickness in (((16, 16, 16), self.thickness + 2), (self.colour, self.thickness)):
            cv2.rectangle(image, begin, end, colour, thickness)


@lru_cache(maxsize=16)  # at 25 frames a second two frames mostly say the same
def layout(overlay: Overlay, width: int, height: int) -> tuple[Mark, ...]:
    """Return the marks to draw, in order, on a picture of a size in pixels; none lies outside it."""
    size = min(max(_SMALLEST_CAPTION, round(_CAPTION_HEIGHT * (width / 1280) ** 0.75)), _LARGEST_CAPTION)
    marks = [*_boxes(overlay.boxes, width, height, size), *_lines(overlay.lines, width, size)]
    return tuple(mark for mark in marks if mark.top < height and mark.bottom > 0)


def _lines(lines: tuple[Line, ...], width: int, size: int) -> Iterator[Mark]:
    """Yield captions, one below the other."""
    margin, gap = max(2, round(size * 0.22)), max(1, round(size * 0.12))
    for number, line in enumerate(lines):
        colour, transparency = _caption(line, size, width - 2 * margin)
        yield _Patch(margin, margin + number * (size + gap), colour, transparency)


def _boxes(boxes: tuple[Box, ...], width: int, height: int, size: int) -> Iterator[Mark]:
    """Yield an outline and a caption for each box; the caption is inside if there is no room above."""
    thickness = max(1, round(size / 12))
    for box in boxes:
        x, y, right, below = (
            min(max(at, -_FARTHEST), _FARTHEST)
            for at in (box.x, box.y, box.x + max(box.width, 0), box.y + max(box.height, 0))
        )
        if right < 0 or below < 0 or x >= width or y >= height:
            continue
        yield _Outline(x, y, right, below, thickness, _PALETTES[box.line.state].accent)
        if box.line.text or box.line.note:
            colour, transparency = _caption(box.line, size, width)
            left = max(0, min(x - thickness, width - colour.shape[1]))
            above = y - thickness - size - 1
            yield _Patch(left, above if above >= 0 else max(y + thickness + 1, 0), colour, transparency)


@lru_cache(maxsize=32)
def _caption(line: Line, height: int, widest: int) -> tuple[Image, Image]:
    """Draw a caption of at most `widest` pixels; return the colour that it adds and 255 x the share it lets through."""
    # Drawn larger and scaled down: finer steps of stroke width, and smoother edges than OpenCV's own.
    fine = 4 if height < 40 else 2
    tall = height * fine
    pad, bar = round(tall * 0.34), round(height * 0.15)
    scale, stroke = 0.5 * tall / _CAPITAL, max(1, round(tall / 16))

    room = widest * fine - bar * fine - 2 * pad
    note = _shortened(ascii_text(line.note), scale, stroke, room * 2 // 3 if line.text else room)
    note_width = _text_width(note, scale, stroke)
    space = round(tall * 0.3) if note and line.text else 0
    text = _shortened(ascii_text(line.text), scale, stroke, room - space - note_width)
    start = bar * fine + pad
    note_start = start + _text_width(text, scale, stroke) + space
    width = max(1, min(-(-(note_start + note_width + pad) // fine), widest))

    glyphs = np.zeros((tall, width * fine), np.uint8)
    baseline = (tall + round(0.5 * tall)) // 2
    for piece, at in ((text, start), (note, note_start)):
        cv2.putText(glyphs, piece, (at, baseline), _FONT, scale, 255, stroke, cv2.LINE_8)
    ground = _rounded((tall, width * fine), radius=round(tall * 0.2))

    # Each column of pixels has one colour of ground and one of glyphs.
    palette, column = _PALETTES[line.state], np.arange(width)
    on_bar, in_note = column < bar, column * fine >= note_start - space // 2
    of_glyph = _share(glyphs, width, height)
    of_ground = _share(ground, width, height) * np.where(on_bar, 1, palette.opacity).astype(np.float32)
    of_ground *= 1 - of_glyph
    planes = [
        of_ground * np.where(on_bar, accent, box).astype(np.float32)
        + of_glyph * np.where(in_note, accent, words).astype(np.float32)
        for accent, box, words in zip(palette.accent, palette.box, palette.text, strict=True)
    ]
    return _fixed(planes), _fixed([255 * (1 - of_ground - of_glyph)] * 3)


def _share(mask: Mask, width: int, height: int) -> NDArray[np.float32]:
    """Scale a mask down to the share of each pixel that is covered, 0 to 1."""
    small = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
    return small * np.float32(1 / 255)


def _fixed(planes: list[NDArray[np.float32]]) -> Image:
    """Join three planes, 0 to 255, and round them; read-only because it is cached."""
    image: Image = (cv2.merge(planes) + np.float32(0.5)).astype(np.uint8)
    image.flags.writeable = False
    return image


def _text_width(text: str, scale: float, stroke: int) -> int:
    """Return the width of `text` in pixels."""
    return cv2.getTextSize(text, _FONT, scale, stroke)[0][0] if text else 0


def _shortened(text: str, scale: float, stroke: int, room: int) -> str:
    """Return `text`, or as much of its beginning as fits into `room` pixels with `...`."""
    if _text_width(text, scale, stroke) <= room:
        return text
    for length in range(len(text) - 1, 0, -1):
        candidate = text[:length].rstrip(" ,") + "..."
        if _text_width(candidate, scale, stroke) <= room:
            return candidate
    return "..."


def _rounded(shape: tuple[int, int], *, radius: int) -> Mask:
    """Return a mask of a rectangle with round corners that fills `shape`."""
    mask = np.zeros(shape, np.uint8)
    height, width = shape
    radius = min(radius, (height - 1) // 2, (width - 1) // 2)
    mask[radius : height - radius] = 255
    mask[:, radius : width - radius] = 255
    for x in (radius, width - 1 - radius):
        for y in (radius, height - 1 - radius):
            cv2.circle(mask, (x, y), radius, 255, cv2.FILLED)
    return mask
