"""Where a part of a frame lies in a model's input, and so where a box of the answer lies in the frame."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumer.prediction import Box


@dataclass(frozen=True, slots=True)
class Placement:
    """A part of a frame, scaled into a model's input.

    Attributes:
        x, y: corner of the part in the frame, pixels.
        left, top: where that corner lies in the input, pixels.
        across, down: pixels of the input for each pixel of the frame.
        input_size: width and height of the input, pixels.
    """

    x: int
    y: int
    left: int
    top: int
    across: float
    down: float
    input_size: tuple[int, int]

    @property
    def content(self) -> tuple[int, int]:
        """Width and height that the part has in the input, pixels: all but the bars of a letterbox."""
        return self.input_size[0] - 2 * self.left, self.input_size[1] - 2 * self.top

    def to_frame(self, boxes: NDArray[Any]) -> NDArray[np.float64]:
        """Return where boxes, or points, lie in the frame.

        Args:
            boxes: [k, 4] as x1, y1, x2, y2, or points [k, 2] as x, y; in pixels of the input.

        Returns:
            The same shape, in pixels of the frame.
        """
        pairs = np.asarray(boxes, np.float64).reshape(*boxes.shape[:-1], boxes.shape[-1] // 2, 2)
        placed = (pairs - (self.left, self.top)) / (self.across, self.down) + (self.x, self.y)
        return placed.reshape(boxes.shape)


def stretched(part: Box, size: tuple[int, int]) -> Placement:
    """Return the placement of a part that fills the whole input."""
    x, y, width, height = part
    return Placement(x, y, 0, 0, size[0] / width, size[1] / height, size)


def letterboxed(part: Box, size: tuple[int, int]) -> Placement:
    """Return the placement of a part that keeps its proportions, in the middle of the input between two equal bars."""
    x, y, width, height = part
    share = min(size[0] / width, size[1] / height)
    left = (size[0] - max(1, round(width * share))) // 2
    top = (size[1] - max(1, round(height * share))) // 2
    # The bars are equal: what the part fills is a pixel wider than rounded where the rest is odd.
    return Placement(x, y, left, top, (size[0] - 2 * left) / width, (size[1] - 2 * top) / height, size)
