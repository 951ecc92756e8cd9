"""The look of captions: bright letters on a dark ground, with a bar and a note in a colour that means something."""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from consumer.drawing import text as words
from consumer.drawing.colours import Colour
from consumer.drawing.memory import BoundedMemory
from consumer.drawing.text import Mask
from consumer.overlay import Line, LineState
from shared.frames.pixels import Image

Pixels: TypeAlias = tuple[Image, Image]
"""The colour that a caption adds, and 255 x the share that it lets through; uint8 (height, width, 3)."""


@dataclass(frozen=True, slots=True)
class _Palette:
    ground: Colour
    opacity: float
    accent: Colour
    text: Colour


_PALETTES = {
    LineState.NORMAL: _Palette((28, 22, 18), 0.74, (128, 216, 72), (248, 248, 248)),
    LineState.STALE: _Palette((28, 22, 18), 0.74, (64, 184, 255), (200, 208, 212)),
    LineState.DOWN: _Palette((32, 24, 128), 0.86, (168, 168, 255), (255, 255, 255)),
}
MOST_BYTES = 16_000_000
"""Of the captions that are kept: about 500 of 720p, 100 of 4K."""
_EM = 0.7  # pixels per em of the letters, as a share of the caption's height: capitals are half as high as it
_BASELINE = 0.75
_BOLDER = ((np.arange(256) / 255) ** 0.65).astype(np.float32)
"""Share of a letter in a pixel by its mask: bright letters on a dark ground look too thin without it."""
_kept: BoundedMemory[Pixels] = BoundedMemory(MOST_BYTES, lambda pixels: 2 * pixels[0].nbytes)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A line as it is drawn: shortened to the room there is. Sizes in pixels."""

    text: str
    note: str
    state: LineState
    height: int
    width: int

    @property
    def em(self) -> int:
        """Pixels per em of the letters."""
        return max(1, round(self.height * _EM))


def fitted(line: Line, height: int, widest: int) -> Fitted:
    """Return a line shortened to a caption of at most `widest` pixels; the note keeps its place before the text."""
    em, pad, bar = max(1, round(height * _EM)), round(height * 0.34), round(height * 0.15)
    room = widest - bar - 2 * pad
    note = _fitted_note(line.note, em, room * 2 // 3 if line.text else room)
    space = round(height * 0.3) if note and line.text else 0
    taken = space + (_note_width(note, em) if note else 0)
    text = words.shortened(line.text, em, room - taken) if line.text else ""
    width = bar + 2 * pad + taken + (words.width(text, em) if text else 0)
    return Fitted(text, note, line.state, height, max(1, min(width, widest)))


def pixels(caption: Fitted, accent: Colour | None = None) -> Pixels:
    """Return the pixels of a caption; `accent`: the colour of its bar, instead of the one of its state."""
    return _kept.get((caption, accent), lambda: _drawn(caption, accent))


def _fitted_note(note: str, em: int, room: int) -> str:
    if note.isascii() and note.isprintable() and words.digits_width(note, em) <= room:
        return note
    return words.shortened(note, em, room)


def _note_width(note: str, em: int) -> int:
    return words.digits_width(note, em) if note.isascii() else words.width(note, em)


def used_bytes() -> int:
    """Return what the kept captions take."""
    return _kept.used_bytes


def _drawn(caption: Fitted, accent: Colour | None) -> Pixels:
    height, width = caption.height, caption.width
    pad, bar, baseline = round(height * 0.34), round(height * 0.15), round(height * _BASELINE)
    glyphs = np.zeros((height, width), np.uint8)
    note_start = width
    if caption.note:
        drawn = words.draw_digits if caption.note.isascii() else words.draw
        note = drawn(caption.note, caption.em, height, baseline)
        note_start = max(bar, width - pad - note.shape[1])
        _put(glyphs, note, note_start)
    if caption.text:
        _put(glyphs, words.draw(caption.text, caption.em, height, baseline), bar + pad)

    # Each column of pixels has one colour of ground and one of glyphs.
    palette, column = _PALETTES[caption.state], np.arange(width)
    on_bar, in_note = column < bar, column >= note_start - 1
    of_glyph = _BOLDER[glyphs]
    of_ground = _rounded(height, width, radius=height // 5) * np.where(on_bar, 1, palette.opacity).astype(np.float32)
    of_ground *= 1 - of_glyph
    bar_colour = palette.accent if accent is None else accent
    note_colour = palette.accent if caption.state is not LineState.NORMAL else bar_colour
    planes = [
        of_ground * np.where(on_bar, of_bar, ground).astype(np.float32)
        + of_glyph * np.where(in_note, of_note, letters).astype(np.float32)
        for of_bar, of_note, ground, letters in zip(bar_colour, note_colour, palette.ground, palette.text, strict=True)
    ]
    return _fixed(planes), _fixed([255 * (1 - of_ground - of_glyph)] * 3)


def _put(glyphs: Mask, mask: Mask, at: int) -> None:
    """Add a mask at a column; what is beyond the right edge is cut off."""
    part = glyphs[:, at : at + mask.shape[1]]
    np.maximum(part, mask[:, : part.shape[1]], out=part)


def _fixed(planes: list[NDArray[np.float32]]) -> Image:
    """Join three planes, 0 to 255, and round them; read-only because it is cached."""
    image: Image = (cv2.merge(planes) + np.float32(0.5)).astype(np.uint8)
    image.flags.writeable = False
    return image


def _rounded(height: int, width: int, *, radius: int) -> NDArray[np.float32]:
    """Return which share of each pixel a rectangle with round corners covers, 0 to 1."""
    radius = min(radius, (height - 1) // 2, (width - 1) // 2)
    shape = np.ones((height, width), np.float32)
    if radius < 1:
        return shape
    away = radius - 0.5 - np.arange(radius, dtype=np.float32)
    corner = np.clip(radius + 0.5 - np.hypot(away[:, None], away[None, :]), 0, 1)
    shape[:radius, :radius], shape[:radius, -radius:] = corner, corner[:, ::-1]
    shape[-radius:, :radius], shape[-radius:, -radius:] = corner[::-1], corner[::-1, ::-1]
    return shape
