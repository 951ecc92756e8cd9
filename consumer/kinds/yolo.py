"""The raw boxes of YOLO models, and non-maximum suppression.

Two layouts: [n, 4 + C, k], with a score for each of C classes (YOLOv8 and later), and [n, k, 5 + C], with a score that
there is an object first (YOLOv3 to v7). A box is its centre, width and height in pixels of the model's input; some
exports give shares of it.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from consumer.kinds.detections import Detections
from consumer.kinds.scores import ROUNDING, numbers
from consumer.servers.errors import Contradiction, ServingNonsense
from consumer.tensors import Signature, Tensors

OVERLAP = 0.45
"""Of two boxes of a class that overlap by more (intersection over union), the surer is kept; YOLO's usual value."""
MOST_CANDIDATES = 3000
"""Boxes that enter the suppression, the surest: its cost grows with their square."""
_LARGEST_SHARE = 2.0  # a box in shares of the input may be somewhat larger than it; in pixels it has many more


def yolo_output(signature: Signature) -> str | None:
    """Return the name of the output with boxes; None if the server does not describe the model.

    Raises:
        Contradiction: no output, or more than one, has three dimensions.
    """
    fitting = [name for name, spec in signature.outputs.items() if len(spec.shape) in (0, 3)]
    if not signature.outputs or len(fitting) == 1:
        return fitting[0] if fitting else None
    found = ", ".join(map(str, list(signature.outputs.values())[:5]))
    raise Contradiction(
        "detection_boxes and detection_scores, or one output [n, 4 + C, k] or [n, k, 5 + C], are needed; "
        f"the server's model gives {found}"
    )


def read_yolo(
    outputs: Tensors, name: str | None, sizes: list[tuple[int, int]], *, classes: int, lowest: float
) -> list[Detections]:
    """Return the detections of each row that are left by non-maximum suppression.

    Args:
        outputs: of the answer.
        name: of the output with boxes; None: the only one.
        sizes: width and height of each row's input, pixels.
        classes: how many the labels have, which tells the two layouts apart.
        lowest: score of a detection.

    Raises:
        ServingNonsense: the output is missing, of another form, or has scores beyond 0 to 1.
    """
    name = name or (next(iter(outputs)) if len(outputs) == 1 else None)
    if name is None or name not in outputs:
        raise ServingNonsense(f"the answer has {len(outputs)} outputs, and not {name or 'one'}")
    values = numbers(outputs[name], name)
    if values.ndim != 3 or len(values) != len(sizes) or min(values.shape[1:]) < 1:
        raise ServingNonsense(f"{name} has the shape {list(values.shape)} instead of [{len(sizes)}, 4 + C, k]")
    if attributes_first(values.shape[1:], classes):
        values, first = values.transpose(0, 2, 1), 4
    else:
        first = 5
    if values.shape[2] <= first:
        raise ServingNonsense(f"{name} has the shape {list(outputs[name].shape)}, which leaves no classes")
    return [
        _suppressed(_candidates(row, first, size).at_least(lowest)) for row, size in zip(values, sizes, strict=True)
    ]


def attributes_first(shape: tuple[int, ...], classes: int) -> bool:
    """Return whether an output [·, a, b] is [n, 4 + C, k]: by the number of classes, else since boxes are more.

    >>> attributes_first((84, 8400), 80), attributes_first((25200, 85), 80), attributes_first((5, 8400), 80)
    (True, False, True)
    """
    rows, columns = shape
    if rows == 4 + classes or columns <= 5:
        return True
    return columns != 5 + classes and rows < columns


def _candidates(row: NDArray[np.float64], first: int, size: tuple[int, int]) -> Detections:
    """Return all boxes of a row, [k, attributes]."""
    scores = row[:, first:]
    with np.errstate(invalid="ignore"):
        _check_scores(row[:, 4:])
        classes = np.where(np.isnan(scores), -1.0, scores).argmax(axis=1)
        best = scores[np.arange(len(scores)), classes] * (row[:, 4] if first == 5 else 1.0)
        centres, halves = row[:, :2], row[:, 2:4] / 2
        boxes = np.column_stack([centres - halves, centres + halves])
    finite = row[:, :4][np.isfinite(row[:, :4])]
    if finite.size and np.abs(finite).max() <= _LARGEST_SHARE:
        boxes = boxes * (*size, *size)
    # Far outside, or without area, a box would spoil the suppression, which computes in single precision.
    has_area = (boxes[:, 2:] > np.maximum(boxes[:, :2], 0)).all(axis=1)
    within = has_area & (boxes[:, :2] < size).all(axis=1) & np.isfinite(boxes).all(axis=1)
    limits = np.array((*size, *size), np.float64)
    return Detections(boxes.clip(-limits, 2 * limits), best, classes.astype(np.float64)).chosen(np.flatnonzero(within))


def _check_scores(scores: NDArray[np.float64]) -> None:
    finite = scores[np.isfinite(scores)]
    if finite.size and not (finite.min() >= -ROUNDING and finite.max() <= 1 + ROUNDING):
        raise ServingNonsense(f"scores from {finite.min():.3g} to {finite.max():.3g}; allowed: 0 to 1")


def _suppressed(found: Detections) -> Detections:
    """Return the surest of the boxes of a class that overlap."""
    order = np.argsort(-found.scores, kind="stable")[:MOST_CANDIDATES]
    surest = found.chosen(order)
    if not len(order):
        return surest
    corner, extent = surest.boxes[:, :2], surest.boxes[:, 2:] - surest.boxes[:, :2]
    kept: Any = cv2.dnn.NMSBoxesBatched(
        np.column_stack([corner, extent]).tolist(),
        surest.scores.tolist(),
        surest.classes.astype(int).tolist(),
        0.0,
        OVERLAP,
    )
    return surest.chosen(np.asarray(kept, int).reshape(-1))
