"""What all detectors here share: pictures in, the four outputs of TensorFlow's detection models out.

`detection_boxes` float32 [n, k, 4]: ymin, xmin, ymax, xmax as fractions of the picture; `detection_scores` float32
[n, k], descending, 0 where there is no box; `detection_classes` float32 [n, k], 0 where there is no box;
`num_detections` float32 [n].
"""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tfserving.layout import Scaling
from tfserving.models.onnx_form import network_of_pictures
from tfserving.runtime import load_tensorflow

MOST_BOXES = 100
LOWEST_SCORE = 0.05
Detections = dict[str, Any]


def detector(
    detect: Callable[[Any, Any], Detections],
    *,
    prepare: Callable[[Any], Any],
    size: int,
    scaling: Scaling = Scaling.LETTERBOX,
) -> Any:
    """Build the module of a detector with its two signatures.

    `serving_default`: `image_bytes` (string [-1]: JPEG, PNG, BMP, or GIF, of which the first picture is taken; the
    orientation in EXIF data is not applied). `tensor`: `images` (uint8 [-1, size, size, 3], RGB) that the client has
    scaled, for servers that take no encoded pictures.

    Args:
        detect: pictures (float32 [n, size, size, 3], RGB, 0 to 255) and the fraction of height and width that each
            picture fills in its square (float32 [n, 2]) → the four outputs.
        prepare: one encoded picture → its square (float32 [size, size, 3]) and that fraction.
        size: height and width of the network's input, in pixels.
        scaling: what `prepare` does.
    """
    tf = load_tensorflow()

    def serve(image_bytes: Any) -> Detections:
        specs = (tf.TensorSpec((size, size, 3), tf.float32), tf.TensorSpec((2,), tf.float32))
        return detect(*tf.map_fn(prepare, image_bytes, fn_output_signature=specs))

    def tensor(images: Any) -> Detections:
        return detect(tf.cast(images, tf.float32), tf.ones((tf.shape(images)[0], 2)))

    module = tf.Module()
    encoded = tf.TensorSpec([None], tf.string, name="image_bytes")
    pixels = tf.TensorSpec([None, size, size, 3], tf.uint8, name="images")
    module.serve = tf.function(serve, input_signature=[encoded])
    module.tensor = tf.function(tensor, input_signature=[pixels])
    pictures = tf.TensorSpec([None, size, size, 3], tf.float32, name="pictures")
    filled = tf.TensorSpec([None, 2], tf.float32, name="filled")
    network = tf.function(detect, input_signature=[pictures, filled])
    module.network = network_of_pictures(network, size=size, scaling=scaling)
    return module


def letterbox(size: int) -> Callable[[Any], Any]:
    """Return a `prepare` that keeps the picture's aspect: at the top left of a black square."""
    tf = load_tensorflow()

    def prepare(encoded: Any) -> Any:
        picture = tf.io.decode_image(encoded, channels=3, expand_animations=False)
        height_width = tf.cast(tf.shape(picture)[:2], tf.float32)
        scaled = tf.cast(tf.round(height_width * (size / tf.reduce_max(height_width))), tf.int32)
        scaled = tf.clip_by_value(scaled, 1, size)
        square = tf.pad(tf.image.resize(picture, scaled), [[0, size - scaled[0]], [0, size - scaled[1]], [0, 0]])
        return tf.ensure_shape(square, (size, size, 3)), tf.cast(scaled, tf.float32) / size

    return prepare


def strongest(boxes: Any, scores: Any, *, filled: Any, iou: float, ids: Any) -> Detections:
    """Suppress the weaker one of two overlapping boxes of a class, and return at most 100 boxes.

    Args:
        boxes: float32 [n, m, 4], ymin, xmin, ymax, xmax as fractions of the square.
        scores: float32 [n, m, classes].
        filled: float32 [n, 2], the fraction of height and width of the square that the picture fills.
        iou: above this overlap (intersection over union), the weaker box is suppressed.
        ids: float32 [classes], the number of each class.
    """
    tf = load_tensorflow()
    found, score, index, number = tf.image.combined_non_max_suppression(
        boxes[:, :, None, :],
        scores,
        max_output_size_per_class=MOST_BOXES,
        max_total_size=MOST_BOXES,
        iou_threshold=iou,
        score_threshold=LOWEST_SCORE,
        clip_boxes=False,
    )
    there = tf.sequence_mask(number, MOST_BOXES, dtype=tf.float32)
    whole = tf.tile(filled, [1, 2])[:, None, :]
    return {
        "detection_boxes": tf.clip_by_value(found / whole, 0.0, 1.0),
        "detection_scores": score,
        "detection_classes": tf.gather(ids, tf.cast(index, tf.int32)) * there,
        "num_detections": tf.cast(number, tf.float32),
    }


def add_labels(module: Any, labels: Mapping[int, str]) -> None:
    """Have `assets/labels.txt` written into the SavedModel: a line `NUMBER NAME` per class."""
    path = Path(tempfile.mkdtemp(prefix="labels-"), "labels.txt")
    path.write_text("".join(f"{number} {name}\n" for number, name in labels.items()), encoding="utf-8")
    module.labels = load_tensorflow().saved_model.Asset(str(path))
