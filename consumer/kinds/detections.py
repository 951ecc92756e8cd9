"""Boxes that a model answered, as findings in the frame."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumer.kinds.labelling import label_of
from consumer.kinds.regions import Place
from consumer.kinds.scores import ROUNDING
from consumer.model_spec import MOST_BOXES
from consumer.prediction import Finding
from consumer.servers.errors import ServingNonsense

LARGEST_CLASS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Detections:
    """What a model found in one row of its input, in any order.

    Attributes:
        boxes: [k, 4] as x1, y1, x2, y2, pixels of the input.
        scores: [k], 0 to 1.
        classes: [k] as the labels number them.
    """

    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    classes: NDArray[np.float64]

    def at_least(self, lowest: float) -> "Detections":
        """Return those with at least this score that have finite numbers.

        Raises:
            ServingNonsense: a score is not between 0 and 1.
        """
        numbers = np.column_stack([self.boxes, self.scores, self.classes])
        usable = np.isfinite(numbers).all(axis=1)
        scores = self.scores[usable]
        if scores.size and not (scores.min() >= -ROUNDING and scores.max() <= 1 + ROUNDING):
            raise ServingNonsense(f"scores from {scores.min():.3g} to {scores.max():.3g}; allowed: 0 to 1")
        return self.chosen(usable & (self.scores >= lowest))

    def chosen(self, which: NDArray[Any]) -> "Detections":
        """Return some, by a mask or by their numbers."""
        return Detections(self.boxes[which], self.scores[which], self.classes[which])

    def findings(self, place: Place, labels: Mapping[int, str]) -> list[Finding]:
        """Return the surest MOST_BOXES within the frame, best first.

        Boxes are cut at the frame's edges; one that is outside, or has no area, is left out.
        """
        width, height = place.frame_size
        with np.errstate(over="ignore"):  # infinite is outside too
            placed = place.placement.to_frame(self.boxes)
        corners = np.rint(placed.clip((0, 0, 0, 0), (width, height, width, height))).astype(int)
        # What is thinner than a pixel keeps one; what has no area as it came is no box.
        extent = np.maximum(corners[:, 2:] - corners[:, :2], 1)
        start = np.minimum(corners[:, :2], (width - 1, height - 1))
        has_area = (placed[:, 2:] > np.maximum(placed[:, :2], 0)).all(axis=1)
        begins_within = (placed[:, :2] < (width, height)).all(axis=1)
        shown = has_area & begins_within & (np.abs(self.classes) <= LARGEST_CLASS)
        order = np.flatnonzero(shown)
        order = order[np.argsort(-self.scores[order], kind="stable")][:MOST_BOXES]
        return [
            Finding(
                class_ := round(float(self.classes[index])),
                label_of(labels, class_),
                round(min(1.0, max(0.0, float(self.scores[index]))), 6),
                (int(start[index, 0]), int(start[index, 1]), int(extent[index, 0]), int(extent[index, 1])),
            )
            for index in order
        ]
