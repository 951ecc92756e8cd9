"""Privacy masks: polygons painted over before a picture leaves the capture process.

A mask covers whole cells, the squares or rectangles in which a JPEG is coded: every cell that a polygon touches is
black from edge to edge. So nothing of what lies under a polygon remains in any coefficient. A cell that is covered in
part would keep some of it: a coefficient belongs to all pixels of its block.

Where a picture was coded, scaled or turned before it is painted, its cells are not those of the published picture, and
pixels beside a polygon may have been mixed from pixels under it. A margin around the polygons covers those.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from producer.protocol import Polygons
from shared.frames.pixels import Image

Rectangle: TypeAlias = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; right and bottom are not part of it."""

CELL = (16, 16)
"""Width and height in pixels of the cells that pictures on the bus are coded in: an MCU at 4:2:0."""
VIDEO_MARGIN = 4.0
"""Pixels of decoded video: its colour is shared by two pixels, and a deblocking filter reads 4 (ITU-T H.264, 8.7)."""
SCALING_MARGIN = 2.0
"""Pixels of the published picture that scaling mixes, whatever the filter."""
RIM = 2
"""Pixels beside a covered cell to which a JPEG decoder gives some of its colour: it has colour for every second one."""


def paint(image: Image, masks: Polygons, *, margin: float = 0.0, rim: int = 0) -> None:
    """Paint masks on a picture, in place.

    Args:
        image: uint8, shape (height, width, 3).
        masks: what to cover.
        margin: pixels around each polygon whose cells are covered too.
        rim: pixels around each covered cell that are painted too.
    """
    height, width = image.shape[:2]
    blacken(image, rectangles(masks, width, height, CELL, margin), rim=rim)


def blacken(image: Image, found: Iterable[Rectangle], *, rim: int, first_row: int = 0) -> None:
    """Paint rectangles, and `rim` pixels around them, on `image`, whose first row is row `first_row` of the picture."""
    for left, top, right, bottom in found:
        if bottom + rim > first_row:
            image[max(top - first_row - rim, 0) : bottom - first_row + rim, max(left - rim, 0) : right + rim] = 0


@lru_cache(maxsize=8)
def rectangles(
    masks: Polygons, width: int, height: int, cell: tuple[int, int] = CELL, margin: float = 0.0
) -> tuple[Rectangle, ...]:
    """Return the covered part of a picture as rectangles, from top to bottom; one row of cells may have several.

    Args:
        masks: what to cover.
        width: of the picture, pixels.
        height: of the picture, pixels.
        cell: width and height of its cells, pixels.
        margin: pixels around each polygon that are covered too.
    """
    cell_width, cell_height = cell
    found: list[Rectangle] = []
    for row, cells in enumerate(covered(masks, width, height, cell, margin)):
        edges = np.flatnonzero(np.diff(cells, prepend=False, append=False))
        top = row * cell_height
        for left, right in zip(edges[::2], edges[1::2], strict=True):
            bottom = min(top + cell_height, height)
            found.append((int(left) * cell_width, top, min(int(right) * cell_width, width), bottom))
    return tuple(found)


def covered(masks: Polygons, width: int, height: int, cell: tuple[int, int], margin: float) -> NDArray[np.bool_]:
    """Return which cells of a picture the polygons touch: bool, shape (rows, columns) of cells.

    Raises:
        ValueError: a polygon touches none; as polygons are checked, this cannot be.
    """
    columns, rows = -(-width // cell[0]), -(-height // cell[1])
    cells = np.zeros((rows, columns), bool)
    for mask in masks:
        corners = np.array(mask, np.float64) * (width, height)
        touched = _touched(cells.shape, corners, cell, margin)
        if not touched.any():
            raise ValueError("a polygon covers nothing")
        cells |= touched
    return cells


def _touched(
    shape: tuple[int, ...], corners: NDArray[np.float64], cell: tuple[int, int], margin: float
) -> NDArray[np.bool_]:
    """Return the cells that a polygon touches: a side passes through them, or their middle lies inside."""
    rows, columns = shape
    cells = np.zeros(shape, bool)
    middle_x = (np.arange(columns) + 0.5) * cell[0]
    middle_y = (np.arange(rows) + 0.5) * cell[1]
    inside = np.zeros(shape, bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        cells |= _passes(x0, y0, x1, y1, middle_x, middle_y, cell[0] / 2 + margin, cell[1] / 2 + margin)
        if y0 != y1:  # even-odd rule: count the sides that a ray from the middle to the right meets
            meets = (middle_y < y0) != (middle_y < y1)
            at = x0 + (middle_y - y0) * (x1 - x0) / (y1 - y0)
            inside ^= meets[:, None] & (middle_x[None, :] < at[:, None])
    return cells | inside


def _passes(
    x0: float,
    y0: float,
    x1: float,
    y1: float,
    middle_x: NDArray[np.floating[Any]],
    middle_y: NDArray[np.floating[Any]],
    half_width: float,
    half_height: float,
) -> NDArray[np.bool_]:
    """Return which boxes around the given middles a segment passes through, by the separating axis theorem.

    A segment along the edge of a box does not pass through it: a polygon that ends where a cell begins leaves it.
    """
    in_columns = (middle_x + half_width > min(x0, x1)) & (middle_x - half_width < max(x0, x1))
    in_rows = (middle_y + half_height > min(y0, y1)) & (middle_y - half_height < max(y0, y1))
    across = (x1 - x0) * (middle_y[:, None] - y0) - (y1 - y0) * (middle_x[None, :] - x0)
    reach = abs(x1 - x0) * half_height + abs(y1 - y0) * half_width
    near: NDArray[np.bool_] = in_rows[:, None] & in_columns[None, :] & (np.abs(across) < reach)
    return near
