"""Marks: what is drawn on a picture, each in a range of its rows."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from consumer.drawing.colours import Colour
from shared.frames.pixels import Image

EDGE: Colour = (16, 16, 16)
"""The dark edge of everything bright, which makes it visible on a bright background too."""


_Pixel: TypeAlias = NDArray[np.uint8]


class Mark(Protocol):
    """Something to draw in rows `top` to `bottom - 1` of the picture."""

    @property
    def top(self) -> int: ...  # noqa: D102

    @property
    def bottom(self) -> int: ...  # noqa: D102

    def draw(self, image: Image, first_row: int) -> None:
        """Draw on `image`, changed in place, whose first row is row `first_row` of the picture."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A finished caption and its position: the colour that it adds and how much it lets through, uint8 (h, w, 3)."""

    x: int
    y: int
    colour: Image
    transparency: Image

    @property
    def top(self) -> int:  # noqa: D102
        return self.y

    @property
    def bottom(self) -> int:  # noqa: D102
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
class Outline:
    """Four lines around a box."""

    x: int
    y: int
    right: int
    below: int
    thickness: int
    colour: Colour

    @property
    def top(self) -> int:  # noqa: D102
        return self.y - self.thickness - 1

    @property
    def bottom(self) -> int:  # noqa: D102
        return self.below + self.thickness + 2

    def draw(self, image: Image, first_row: int) -> None:
        """Draw on `image`; see Mark."""
        top, bottom = self.y - first_row, self.below - first_row
        for colour, out, inn in _rings(self.thickness, self.colour):
            for y in (top, bottom):
                _fill(image, self.x - out, y - out, self.right + inn, y + inn, colour)
            for x in (self.x, self.right):
                _fill(image, x - out, top - out, x + inn, bottom + inn, colour)


@dataclass(frozen=True, slots=True)
class Corners:
    """Two corners of a box that is no longer certain, the upper or the lower ones; `arm` is the length of their lines.

    `y` is the row of the corners, and `towards` that in which their upright lines end.
    """

    x: int
    y: int
    right: int
    towards: int
    arm: int
    thickness: int
    colour: Colour

    @property
    def top(self) -> int:  # noqa: D102
        return min(self.y, self.towards) - self.thickness - 1

    @property
    def bottom(self) -> int:  # noqa: D102
        return max(self.y, self.towards) + self.thickness + 2

    def draw(self, image: Image, first_row: int) -> None:
        """Draw on `image`; see Mark."""
        y = self.y - first_row
        above, below = sorted((y, self.towards - first_row))
        for colour, out, inn in _rings(self.thickness, self.colour):
            for x, begin, end in ((self.x, self.x, self.x + self.arm), (self.right, self.right - self.arm, self.right)):
                _fill(image, begin - out, y - out, end + inn, y + inn, colour)
                _fill(image, x - out, above - out, x + inn, below + inn, colour)


@dataclass(frozen=True, slots=True)
class Dot:
    """A key point."""

    x: int
    y: int
    radius: int
    colour: Colour

    @property
    def top(self) -> int:  # noqa: D102
        return self.y - self.radius - 1

    @property
    def bottom(self) -> int:  # noqa: D102
        return self.y + self.radius + 2

    def draw(self, image: Image, first_row: int) -> None:
        """Draw on `image`; see Mark."""
        middle = (self.x, self.y - first_row)
        cv2.circle(image, middle, self.radius + 1, EDGE, cv2.FILLED)
        cv2.circle(image, middle, self.radius, self.colour, cv2.FILLED)


@lru_cache(maxsize=256)
def _rings(thickness: int, colour: Colour) -> tuple[tuple[_Pixel, int, int], ...]:
    """Return the dark line and the bright one on it: colour, and the pixels before and from the edge of the box on."""
    before = thickness // 2
    bright, dark = np.array(colour, np.uint8), np.array(EDGE, np.uint8)
    return (dark, before + 1, thickness - before + 1), (bright, before, thickness - before)


def _fill(image: Image, left: int, top: int, right: int, bottom: int, colour: _Pixel) -> None:
    """Fill a rectangle, of which a part may be outside; a tenth of the time of OpenCV's thick lines."""
    if right > 0 and bottom > 0:
        image[max(top, 0) : bottom, max(left, 0) : right] = colour
