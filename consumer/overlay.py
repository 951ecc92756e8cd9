"""What is drawn on a picture: captions, boxes and key points. consumer/drawing/ knows how they look."""

from dataclasses import dataclass
from enum import StrEnum


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
    """A rectangle in pixels of the picture with a caption above it; it may extend beyond the picture.

    Its colour follows from the text of its line. `points` are key points of what is in it, x and y in pixels; without
    `outlined` only they and the caption are drawn.
    """

    x: int
    y: int
    width: int
    height: int
    line: Line
    points: tuple[tuple[int, int], ...] = ()
    outlined: bool = True


@dataclass(frozen=True, slots=True)
class Overlay:
    """Captions from the top left corner downwards, and boxes anywhere, the most important ones first."""

    lines: tuple[Line, ...] = ()
    boxes: tuple[Box, ...] = ()
