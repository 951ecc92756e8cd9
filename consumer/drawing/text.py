"""Text in any language as masks: cut into runs of one font each, shortened to the room there is, and drawn."""

import threading
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw

from consumer.drawing.fonts import Font, face, font_of, fonts
from consumer.drawing.memory import BoundedMemory

Mask: TypeAlias = NDArray[np.uint8]
"""Shape (height, width), 0 to 255."""

LONGEST_TEXT = 200  # characters; more fit in no picture
MISSING = "\u25a1"  # a hollow square stands for what no font has; a question mark would be taken for a label's own
ELLIPSIS = "\u2026"
_MOST_MARKS = 4  # accents on one letter: more would only be piled up
_JOINERS = frozenset("\u200c\u200d")  # they change how their neighbours are drawn
_MARKS = frozenset({"Mn", "Me", "Mc"})
_SELECTORS = frozenset(map(chr, range(0xFE00, 0xFE10)))  # of the variant of a sign, such as a coloured one
_MEANINGLESS = frozenset({"Cs", "Co", "Cn"})  # halves of a character, private ones, and what is not assigned
_RIGHT_TO_LEFT = frozenset({"R", "AL"})
MOST_BYTES = 4_000_000
"""Of the masks that are kept."""
_kept: BoundedMemory[Mask] = BoundedMemory(MOST_BYTES, lambda mask: mask.nbytes)
_drawing = threading.Lock()  # FreeType's faces are for one thread at a time


def clusters(text: str) -> list[str]:
    """Return a text as its letters, each with the accents and joiners that belong to it; unknown ones replaced."""
    found: list[str] = []
    for character in unicodedata.normalize("NFC", text[:LONGEST_TEXT]):
        kind = unicodedata.category(character)
        if (kind == "Cf" and character not in _JOINERS) or character in _SELECTORS:
            continue
        if kind in _MARKS or character in _JOINERS:
            if found and len(found[-1]) <= _MOST_MARKS and found[-1] != MISSING:
                found[-1] += character
        elif character.isspace() or kind == "Cc":
            found.append(" ")
        else:
            found.append(character if kind not in _MEANINGLESS and font_of(character) else MISSING)
    return found


@lru_cache(maxsize=2048)
def width(text: str, size: int) -> int:
    """Return the width of a text in pixels; `size`: pixels per em."""
    with _drawing:
        return round(sum(face(font, size).getlength(run) for font, run in _runs(text)) + 0.49)


@lru_cache(maxsize=2048)
def shortened(text: str, size: int, room: int) -> str:
    """Return a text without what cannot be drawn, or as much of its beginning as fits into `room` pixels with `…`."""
    letters = clusters(text)
    whole = "".join(letters)
    if width(whole, size) <= room:
        return whole
    fits, too_long = 0, len(letters)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if width(_begun(letters, middle), size) <= room:
            fits = middle
        else:
            too_long = middle
    return _begun(letters, fits)


def draw(text: str, size: int, height: int, baseline: int) -> Mask:
    """Return a mask of what `shortened` returned, read-only; of shape (height, width of the text in pixels).

    Args:
        text: what to draw.
        size: pixels per em.
        height: of the mask, pixels; what is higher is cut off.
        baseline: where the letters stand, pixels from the top.
    """
    return _kept.get((text, size, height, baseline), lambda: _drawn(text, size, height, baseline))


def digits_width(text: str, size: int) -> int:
    """Return the width of a text of ASCII characters as `draw_digits` draws it, in pixels."""
    return sum(width(character, size) for character in text)


def draw_digits(text: str, size: int, height: int, baseline: int) -> Mask:
    """Return a mask of a text of ASCII characters, each drawn on its own: a tenth of the work for one that changes."""
    mask, at = np.zeros((height, max(1, digits_width(text, size))), np.uint8), 0
    for character in text:
        letter = draw(character, size, height, baseline)
        mask[:, at : at + letter.shape[1]] = letter
        at += letter.shape[1]
    return mask


def _drawn(text: str, size: int, height: int, baseline: int) -> Mask:
    image = PillowImage.new("L", (max(1, width(text, size)), height))
    canvas, at = ImageDraw.Draw(image), 0.0
    with _drawing:
        runs = list(_runs(text))
        for font, run in reversed(runs) if _begins_at_the_right(text) else runs:
            letters = face(font, size)
            canvas.text((at, baseline), run, fill=255, font=letters, anchor="ls")
            at += letters.getlength(run)
    return np.asarray(image, np.uint8)


def _begun(letters: list[str], count: int) -> str:
    return "".join(letters[:count]).rstrip(" ,") + ELLIPSIS


def _runs(text: str) -> Iterator[tuple[Font, str]]:
    """Yield the runs of letters that one font has; blanks and accents stay with the letter before them."""
    if text.isascii():
        yield fonts()[0], text
        return
    found: list[tuple[Font, str]] = []
    for character in text:
        belongs = character == " " or character in _JOINERS or unicodedata.category(character) in _MARKS
        font = found[-1][0] if belongs and found else font_of(character)
        if font is not None:
            found.append((font, character))
    for font, run in groupby(found, lambda one: one[0]):
        yield font, "".join(character for _, character in run)


def _begins_at_the_right(text: str) -> bool:
    """Return whether the first letter that has a direction is read from right to left (Unicode UAX #9, P2 and P3)."""
    directions = (unicodedata.bidirectional(character) for character in text)
    return next((kind in _RIGHT_TO_LEFT for kind in directions if kind in {"L", *_RIGHT_TO_LEFT}), False)
