"""The boxes of one model that another one looks at."""

from consumer.model_spec import CropsSpec
from consumer.prediction import Box, Prediction
from shared.frames.frame import Frame

MOST_REGIONS = 32
"""Boxes of a frame that are looked at, the most probable ones: each is a row of the request."""


def regions(prediction: Prediction, crops: CropsSpec, frame: Frame) -> tuple[Box, ...]:
    """Return the boxes to look at, best first, as far as they lie within the frame; the kind adds the margin.

    Args:
        prediction: of the model that found the boxes.
        crops: which of them.
        frame: that the prediction is about.
    """
    found = (
        within(finding.box, frame.width, frame.height)
        for finding in prediction.findings
        if finding.box is not None and (crops.labels is None or finding.label in crops.labels)
    )
    return tuple(box for box in found if box is not None)[:MOST_REGIONS]


def within(box: Box, width: int, height: int) -> Box | None:
    """Return the part of a box that lies within a picture of this width and height; None if there is none."""
    left, top = max(0, box[0]), max(0, box[1])
    right, bottom = min(width, box[0] + box[2]), min(height, box[1] + box[3])
    return (left, top, right - left, bottom - top) if right > left and bottom > top else None
