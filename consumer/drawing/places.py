"""Finds a place for the caption of each box where it covers no other caption, or none."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from consumer.drawing.caption_patch import Fitted, fitted
from consumer.overlay import Box, Line

Place: TypeAlias = tuple[int, int]
"""x and y of the upper left corner, in pixels of the picture."""

Edges: TypeAlias = tuple[int, int, int, int]
"""Left, upper, right and lower edge of a box, in pixels of the picture."""

_NARROWEST = 2.5  # widths of a shortened caption, as a share of its height: three letters


@dataclass(slots=True)
class Places:
    """The places of captions on one picture. The first ones take the best places."""

    width: int
    height: int
    _taken: list[tuple[int, int, int, int]] = field(default_factory=list)

    def take(self, x: int, y: int, width: int, height: int) -> None:
        """Note that a rectangle is covered."""
        self._taken.append((x, y, x + width, y + height))

    def find(self, box: Box, edges: Edges, size: int, thickness: int) -> tuple[Fitted, Place] | None:
        """Return the caption of a box, shortened if need be, and its place, which is taken then.

        Args:
            box: whose line is to be placed.
            edges: where it is on the picture.
            size: height of the caption, pixels.
            thickness: of the outline, pixels.

        Returns:
            None if every place would cover another caption.
        """
        left, _, right, _ = edges
        for line, widest in _forms(box.line, right - left + 2 * thickness, self.width, size):
            caption = fitted(line, size, widest)
            for x, y in _around(edges, caption, thickness):
                x = max(0, min(x, self.width - caption.width))
                if 0 <= y <= self.height - caption.height and self._is_free(x, y, caption.width, caption.height):
                    self.take(x, y, caption.width, caption.height)
                    return caption, (x, y)
        return None

    def _is_free(self, x: int, y: int, width: int, height: int) -> bool:
        right, below = x + width, y + height
        return not any(x < r and right > left and y < b and below > top for left, top, r, b in self._taken)


def _forms(line: Line, box_width: int, picture_width: int, size: int) -> Iterator[tuple[Line, int]]:
    """Yield a line and the room for it: complete, no wider than its box, and without the note."""
    narrow = max(box_width, round(_NARROWEST * size))
    yield line, picture_width
    yield line, min(max(narrow, 4 * size), picture_width)
    if line.text and line.note:
        yield Line(line.text, "", line.state), min(narrow, picture_width)


def _around(edges: Edges, caption: Fitted, thickness: int) -> Iterator[Place]:
    """Yield the places at a box, the best one first: above, inside, below; left, then right."""
    left, top, right, bottom = edges
    at_left, at_right = left - thickness, right + thickness + 1 - caption.width
    above, inside, below = top - thickness - caption.height - 1, top + thickness + 1, bottom + thickness + 2
    yield at_left, above
    if bottom - top > 2 * caption.height:
        yield at_left, inside
    yield at_left, below
    yield at_right, above
    yield at_right, below
