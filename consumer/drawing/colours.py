"""A colour for each label, made of nothing but its text: the same after a restart, in every replica, on every picture.

The colours are bright and saturated, of one lightness in OKLCH, where equal steps look equal (Björn Ottosson,
"A perceptual color space for image processing", 2020). So all can be read on the dark ground of captions, and with the
dark edge of outlines they are seen by day and by night.
"""

import hashlib
import math
from functools import lru_cache
from typing import TypeAlias

Colour: TypeAlias = tuple[int, int, int]
"""Blue, green, red, each 0 to 255."""

HUES = 24  # more could not be told apart
_LIGHTNESSES = (0.8, 0.68)  # of OKLCH; two of them double the colours
_CHROMA = 0.17
_SALT = b"7465"
"""Chosen so that labels that are often seen together (tests/consumer/drawing/test_colours.py) differ."""


@lru_cache(maxsize=1024)
def of_label(label: str) -> Colour:
    """Return the colour of a label."""
    value = int.from_bytes(hashlib.blake2b(label.encode(errors="replace"), digest_size=8, salt=_SALT).digest(), "big")
    lightness, hue = divmod(value % (HUES * len(_LIGHTNESSES)), HUES)
    return _from_oklch(_LIGHTNESSES[lightness], _CHROMA, 2 * math.pi * hue / HUES)


def _from_oklch(lightness: float, chroma: float, hue: float) -> Colour:
    """Return the nearest colour that a screen has: chroma is lowered until it is one."""
    while True:
        red, green, blue = _linear(lightness, chroma * math.cos(hue), chroma * math.sin(hue))
        if min(red, green, blue) >= 0 and max(red, green, blue) <= 1:
            return _byte(blue), _byte(green), _byte(red)
        chroma -= 0.004


def _linear(lightness: float, a: float, b: float) -> tuple[float, float, float]:
    """Return linear sRGB of OKLab."""
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )


def _byte(linear: float) -> int:
    """Return a value of sRGB, 0 to 255 (IEC 61966-2-1)."""
    value = 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
    return round(255 * value)
