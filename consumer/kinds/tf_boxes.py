"""TensorFlow's detection outputs, as its Object Detection API exports them.

https://github.com/tensorflow/models/blob/master/research/object_detection/g3doc/tf2_detection_zoo.md and
`exporter_lib_v2.py` there: boxes are [ymin, xmin, ymax, xmax] as shares of the model's input.
"""

from collections.abc import Collection

import numpy as np

from consumer.kinds.detections import Detections
from consumer.kinds.scores import numbers
from consumer.servers.errors import ServingNonsense
from consumer.tensors import Tensors

BOXES, SCORES, CLASSES, COUNT = "detection_boxes", "detection_scores", "detection_classes", "num_detections"
REQUIRED = frozenset({BOXES, SCORES})


def has_boxes(outputs: Collection[str]) -> bool:
    """Return whether outputs of these names are TensorFlow's."""
    return set(outputs) >= REQUIRED


def read_boxes(outputs: Tensors, sizes: list[tuple[int, int]], only_class: int) -> list[Detections]:
    """Return the detections of each row.

    Args:
        outputs: `detection_boxes` [n, k, 4] and `detection_scores` [n, k]; with `detection_classes` [n, k] and
            `num_detections` [n] or [n, 1] if the model has them.
        sizes: width and height of each row's input, pixels.
        only_class: of a model without `detection_classes`.

    Raises:
        ServingNonsense: the outputs are of another form.
    """
    rows = len(sizes)
    values = {name: numbers(outputs[name], name) for name in (BOXES, SCORES, CLASSES, COUNT) if name in outputs}
    if not values.keys() >= REQUIRED:
        raise ServingNonsense(f"the answer has no {' and no '.join(sorted(REQUIRED - values.keys()))}")
    scores = values[SCORES]
    classes = values.get(CLASSES, np.full(scores.shape, float(only_class)))
    k = scores.shape[-1] if scores.ndim else 0
    if (scores.shape, values[BOXES].shape, classes.shape) != ((rows, k), (rows, k, 4), (rows, k)):
        shapes = f"boxes {list(values[BOXES].shape)}, scores {list(scores.shape)} and classes {list(classes.shape)}"
        raise ServingNonsense(f"{shapes} instead of [{rows}, k, 4], [{rows}, k] and [{rows}, k]")
    counts = values.get(COUNT, np.full(rows, float(scores.shape[1]))).reshape(-1)
    if len(counts) != rows or not np.isfinite(counts).all():
        raise ServingNonsense(f"{COUNT} are not {rows} numbers")
    found = []
    for row, (width, height) in enumerate(sizes):
        count = int(counts[row].clip(0, scores.shape[1]))
        with np.errstate(over="ignore"):  # an infinite box is left out
            boxes = values[BOXES][row, :count][:, [1, 0, 3, 2]] * (width, height, width, height)
        found.append(Detections(boxes, scores[row, :count], classes[row, :count]))
    return found
