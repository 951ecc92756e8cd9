"""SSD MobileNet v2 of TensorFlow's detection zoo (`ssd_mobilenet_v2_coco_2018_03_29`): the 80 objects of COCO.

Of the zoo's frozen graph the part between the scaled picture and the raw boxes and scores is used. Around it the
loops over single pictures of 2018 are replaced: any number of pictures, and one operation for the suppression of
overlapping boxes. The boxes are those of the original graph, whose suppression (IoU 0.6) it keeps; the original
returns scores above 0.3, this one from 0.05 on.
"""

from pathlib import Path
from typing import Any

from tfserving.errors import ExportError
from tfserving.layout import Scaling
from tfserving.models import coco, graphs
from tfserving.models.detections import Detections, add_labels, detector, strongest
from tfserving.models.sources import OPENPIBO
from tfserving.runtime import load_tensorflow

INPUT_SIZE = 300  # pixels
FILE = "frozen_inference_graph.pb"
_ANCHORS = 1917
_CLASSES = 91  # class 0 is the background
_IOU = 0.6
# The variances by which the network's boxes are scaled: y, x, height, width (`faster_rcnn_box_coder` in the zoo).
_SCALE_CENTRE, _SCALE_SIZE = 10.0, 5.0
_PICTURES, _BOXES, _SCORES = "Preprocessor/sub", "Squeeze", "Postprocessor/convert_scores"


def find_weights() -> Path:
    """Return the frozen graph; fetch it on first use.

    Raises:
        ExportError: it cannot be fetched.
    """
    return OPENPIBO.file(FILE)


def build(frozen: Path) -> Any:
    """Build the servable module (signatures of `tfserving.models.detections.detector`) from the frozen graph.

    Raises:
        ExportError: the file cannot be read or is another graph.
    """
    tf = load_tensorflow()
    graph = _read(frozen)
    anchors = _anchors(graph)
    centre, size = (anchors[:, :2] + anchors[:, 2:]) / 2, anchors[:, 2:] - anchors[:, :2]
    inputs = {_PICTURES: tf.TensorSpec((None, INPUT_SIZE, INPUT_SIZE, 3), tf.float32)}
    outputs = (_BOXES, _SCORES)
    part = graphs.folded(graphs.cut(graph, inputs=inputs, outputs=outputs), outputs=outputs)
    network, weights = graphs.as_function(part, inputs=inputs, outputs=outputs)
    ids = tf.range(1, _CLASSES, dtype=tf.float32)

    def detect(pictures: Any, filled: Any) -> Detections:
        raw, scores = network(pictures * (2.0 / 255.0) - 1.0)
        raw = tf.ensure_shape(raw, (None, _ANCHORS, 4))
        scores = tf.ensure_shape(scores, (None, _ANCHORS, _CLASSES))
        middle = raw[..., :2] / _SCALE_CENTRE * size + centre
        half = tf.exp(raw[..., 2:] / _SCALE_SIZE) * size / 2.0
        boxes = tf.clip_by_value(tf.concat([middle - half, middle + half], axis=-1), 0.0, 1.0)
        return strongest(boxes, scores[..., 1:], filled=filled, iou=_IOU, ids=ids)

    module = detector(detect, prepare=stretched, size=INPUT_SIZE, scaling=Scaling.STRETCHED_2018)
    module.weights = weights
    add_labels(module, coco.LABELS)
    return module


def stretched(encoded: Any) -> Any:
    """Decode a picture and stretch it to the square as the original graph does (bilinear, corners as in 2018)."""
    tf = load_tensorflow()
    picture = tf.io.decode_image(encoded, channels=3, expand_animations=False)[None]
    size = (INPUT_SIZE, INPUT_SIZE)
    scaled = tf.raw_ops.ResizeBilinear(images=picture, size=size, align_corners=False, half_pixel_centers=False)
    return tf.ensure_shape(scaled[0], (*size, 3)), tf.ones(2)


def _read(frozen: Path) -> Any:
    tf = load_tensorflow()
    graph = tf.compat.v1.GraphDef()
    try:
        graph.ParseFromString(frozen.read_bytes())
    except OSError as exc:
        raise ExportError(f"{frozen.name} cannot be read: {exc.strerror or exc}") from exc
    except Exception as exc:  # protobuf's DecodeError is of another class in each of its implementations
        raise ExportError(f"{frozen.name} is not a graph of TensorFlow: {exc}") from exc
    missing = {_PICTURES, _BOXES, _SCORES} - {node.name for node in graph.node}
    if missing:
        raise ExportError(f"{frozen.name} is another graph: it has no {', '.join(sorted(missing))}")
    return graph


def _anchors(graph: Any) -> Any:
    """Return the graph's own anchors, float32 [1917, 4]: ymin, xmin, ymax, xmax; they are the same for any picture."""
    tf = load_tensorflow()
    with tf.Graph().as_default() as whole, tf.compat.v1.Session(graph=whole) as session:
        tf.import_graph_def(graph, name="")
        return session.run("Postprocessor/Reshape:0", {"image_tensor:0": [[[[0, 0, 0]]]]})
