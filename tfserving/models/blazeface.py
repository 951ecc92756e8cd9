"""BlazeFace of MediaPipe (256×256): faces with six points each.

Decoding: MediaPipe's `ssd_anchors_calculator` and `tensors_to_detections_calculator`, with the options of its model
for the back camera: 896 anchors of fixed size, 16 numbers each (middle, size, six points), in pixels of the input.
"""

from pathlib import Path
from typing import Any

import numpy as np

from tfserving.models import graphs, tfjs
from tfserving.models.detections import Detections, add_labels, detector, letterbox
from tfserving.models.sources import HUMAN
from tfserving.runtime import load_tensorflow

INPUT_SIZE = 256  # pixels
NAME = "blazeface"
POINTS = ("right eye", "left eye", "nose", "mouth", "right ear", "left ear")
MOST_FACES = 32
_LOWEST_SCORE, _IOU = 0.3, 0.3
_GRIDS = ((16, 2), (8, 6))  # cells along a side, anchors in each
_ROWS = tuple(cells * cells * anchors for cells, anchors in _GRIDS)
_LARGEST_LOGIT = 100.0  # `score_clipping_thresh`
# Logits of both grids, then boxes: before the graph reshapes them to one picture.
_OUTPUTS = tuple(f"StatefulPartitionedCall/functional_1/conv2d_{number}/BiasAdd" for number in (33, 34, 35, 36))


def find_weights() -> tuple[Path, Path]:
    """Return the network's description and its weights; fetch them on first use.

    Raises:
        ExportError: they cannot be fetched.
    """
    return HUMAN.file(f"{NAME}.json"), HUMAN.file(f"{NAME}.bin")


def build() -> Any:
    """Build the servable module; fetch the weights on first use.

    Its signatures and outputs are those of `tfserving.models.detections.detector` (class 1 = face, at most 32), and
    `detection_keypoints` float32 [n, 32, 6, 2]: y and x of `POINTS`, as fractions of the picture.

    Raises:
        ExportError: the weights cannot be fetched.
    """
    tf = load_tensorflow()
    graph = _without_pad(tfjs.read_graph(*find_weights()))
    pictures = tf.TensorSpec((None, INPUT_SIZE, INPUT_SIZE, 3), tf.float32)
    network, weights = graphs.as_function(graph, inputs={"input": pictures}, outputs=_OUTPUTS)
    anchors = _anchors()

    def strongest(given: Any) -> Any:
        boxes, scores, _ = given
        kept = tf.image.non_max_suppression(boxes, scores, MOST_FACES, _IOU, _LOWEST_SCORE)
        return (*(_rows(values, kept) for values in given), tf.cast(tf.shape(kept)[0], tf.float32))

    def detect(pictures: Any, filled: Any) -> Detections:
        found = network(pictures / 127.5 - 1.0)
        logits = tf.concat([tf.reshape(part, (-1, rows)) for part, rows in zip(found[:2], _ROWS, strict=True)], axis=1)
        scores = tf.sigmoid(tf.clip_by_value(logits, -_LARGEST_LOGIT, _LARGEST_LOGIT))
        pairs = [tf.reshape(part, (-1, rows, 2 + len(POINTS), 2)) for part, rows in zip(found[2:], _ROWS, strict=True)]
        turned = tf.concat(pairs, axis=1)[..., ::-1] / INPUT_SIZE  # y, x
        middle, half = turned[:, :, 0] + anchors, turned[:, :, 1] / 2
        boxes = tf.concat([middle - half, middle + half], axis=-1)
        points = turned[:, :, 2:] + anchors[:, None]
        shapes = ((MOST_FACES, 4), (MOST_FACES,), (MOST_FACES, len(POINTS), 2), ())
        specs = tuple(tf.TensorSpec(shape, tf.float32) for shape in shapes)
        boxes, scores, points, number = tf.map_fn(strongest, (boxes, scores, points), fn_output_signature=specs)
        return {
            "detection_boxes": tf.clip_by_value(boxes / tf.tile(filled, [1, 2])[:, None, :], 0.0, 1.0),
            "detection_scores": scores,
            "detection_keypoints": points / filled[:, None, None, :],
            "detection_classes": tf.sequence_mask(tf.cast(number, tf.int32), MOST_FACES, dtype=tf.float32),
            "num_detections": number,
        }

    module = detector(detect, prepare=letterbox(INPUT_SIZE), size=INPUT_SIZE)
    module.weights = weights
    add_labels(module, {1: "face"})
    return module


def _without_pad(graph: Any) -> Any:
    """Return the graph with PadV2 in place of Pad; both fill with zeros.

    TensorFlow 2.21 ends the process when it fuses a convolution, its bias and the addition of a Pad.
    """
    zero = "zero"
    graph.node.append(graphs.constant(zero, np.zeros((), np.float32)))
    for node in graph.node:
        if node.op == "Pad":
            node.op = "PadV2"
            node.input.append(zero)
    return graph


def _rows(values: Any, kept: Any) -> Any:
    """Return the rows with these numbers, filled up with zeros to the most faces."""
    tf = load_tensorflow()
    missing = [[0, MOST_FACES - tf.shape(kept)[0]]] + [[0, 0]] * (len(values.shape) - 1)
    return tf.ensure_shape(tf.pad(tf.gather(values, kept), missing), (MOST_FACES, *values.shape[1:]))


def _anchors() -> Any:
    """Return the middles (y, x) of all anchors as fractions of the input: float32 [896, 2]."""
    tf = load_tensorflow()
    found = []
    for cells, anchors in _GRIDS:
        along = (tf.range(cells, dtype=tf.float32) + 0.5) / cells
        x, y = tf.meshgrid(along, along)
        found.append(tf.repeat(tf.reshape(tf.stack([y, x], axis=-1), (-1, 2)), anchors, axis=0))
    return tf.concat(found, axis=0)
