"""The polygons of privacy masks, checked: what the cameras document may say under `masks`.

A polygon is a list of points [x, y] in fractions of the published picture's width and height: [0, 0] is the top left
corner of the picture as viewers see it, upright, [1, 1] the bottom right one.
"""

from itertools import combinations
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field, Strict

from shared.setting_words import Form

MAX_POLYGONS = 64
"""Of one camera."""
MAX_POINTS = 64
"""Of one polygon."""
POLYGON_FORM = f"3 to {MAX_POINTS} points [x, y], each number 0 to 1, sides that neither cross nor touch"
_SMALLEST_AREA = 1e-9  # of the picture: no pixel of any picture is smaller than 1 / MAX_PIXELS = 3e-8

Fraction: TypeAlias = Annotated[float, Strict(), Field(ge=0, le=1, allow_inf_nan=False), Form("a number from 0 to 1")]
Point: TypeAlias = tuple[Fraction, Fraction]
"""x and y, in fractions of width and height."""


def polygon(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """Return the corners of a polygon, without a closing point that repeats the first one.

    Raises:
        ValueError: it has too few or too many corners, no area, or sides that cross or touch.
    """
    if len(points) > 1 and points[0] == points[-1]:
        points = points[:-1]
    if not 3 <= len(points) <= MAX_POINTS:
        raise ValueError(f"{len(points)} different points; allowed: {POLYGON_FORM}")
    if abs(_area(points)) < _SMALLEST_AREA and _bend(points) is None:
        raise ValueError(f"its points lie on one line; allowed: {POLYGON_FORM}")
    crossing = _crossing(points)
    if crossing is not None:
        first, second = crossing
        raise ValueError(f"the sides from points {first} and {second} cross or touch; allowed: {POLYGON_FORM}")
    return points


Polygon: TypeAlias = Annotated[tuple[Point, ...], AfterValidator(polygon)]
Masks: TypeAlias = Annotated[tuple[Polygon, ...], Field(max_length=MAX_POLYGONS)]
"""The type of the field `masks`; pydantic reports the polygon, the point and the number that is wrong by its index."""


def _area(points: tuple[Point, ...]) -> float:
    """Return the signed area by the shoelace formula."""
    following = (*points[1:], points[0])
    return sum(x * v - u * y for (x, y), (u, v) in zip(points, following, strict=True)) / 2


def _bend(points: tuple[Point, ...]) -> Point | None:
    """Return a point that is not on one line with the first two different ones; None if all are."""
    first = points[0]
    other = next((point for point in points if point != first), first)
    return next((point for point in points if abs(_turn(first, other, point)) > _SMALLEST_AREA), None)


def _crossing(points: tuple[Point, ...]) -> tuple[int, int] | None:
    """Return the numbers of two sides that have more in common than neighbours have; None if there are none."""
    count = len(points)
    sides = [(points[i], points[(i + 1) % count]) for i in range(count)]
    for first, second in combinations(range(count), 2):
        (a, b), (c, d) = sides[first], sides[second]
        if a == b or c == d:
            return first, second  # two corners in one place
        if second - first in {1, count - 1}:
            # Neighbours share a corner; they overlap if the way turns back on itself there.
            corner, before, after = (b, a, d) if second - first == 1 else (a, b, c)
            if _turn(before, corner, after) == 0 and _ahead(corner, before, after):
                return first, second
        elif _meet(a, b, c, d):
            return first, second
    return None


def _turn(a: Point, b: Point, c: Point) -> float:
    """Return twice the signed area of a triangle: 0 if the points lie on one line."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _ahead(origin: Point, a: Point, b: Point) -> bool:
    """Return whether two points lie in the same direction from the origin."""
    return (a[0] - origin[0]) * (b[0] - origin[0]) + (a[1] - origin[1]) * (b[1] - origin[1]) > 0


def _meet(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Return whether the segments a-b and c-d have a point in common."""
    of_c, of_d, of_a, of_b = _turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b)
    if of_c * of_d < 0 and of_a * of_b < 0:
        return True
    on_line = ((of_c, a, b, c), (of_d, a, b, d), (of_a, c, d, a), (of_b, c, d, b))
    return any(turn == 0 and _between(begin, end, point) for turn, begin, end, point in on_line)


def _between(begin: Point, end: Point, point: Point) -> bool:
    """Return whether a point on the line of a segment lies on the segment."""
    return all(min(s, e) <= p <= max(s, e) for s, e, p in zip(begin, end, point, strict=True))
