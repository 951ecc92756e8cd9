"""MoveNet MultiPose Lightning (256×256): up to six people, each a box and the 17 key points of COCO.

Output of the network, 56 numbers per person: 17 × (y, x, score), then ymin, xmin, ymax, xmax, score
(https://www.tensorflow.org/hub/tutorials/movenet).
"""

from pathlib import Path
from typing import Any

from tfserving.models import graphs, tfjs
from tfserving.models.detections import Detections, add_labels, detector, letterbox
from tfserving.models.sources import HUMAN_MODELS
from tfserving.runtime import load_tensorflow

INPUT_SIZE = 256  # pixels
NAME = "movenet-multipose"
MOST_PEOPLE = 6
POINTS = (
    *("nose", "left eye", "right eye", "left ear", "right ear", "left shoulder", "right shoulder", "left elbow"),
    *("right elbow", "left wrist", "right wrist", "left hip", "right hip", "left knee", "right knee", "left ankle"),
    "right ankle",
)
_NUMBERS = 3 * len(POINTS)
_LOWEST_SCORE = 0.1  # below it there is nobody; the network always returns six


def find_weights() -> tuple[Path, Path]:
    """Return the network's description and its weights; fetch them on first use.

    Raises:
        ExportError: they cannot be fetched.
    """
    return HUMAN_MODELS.file(f"{NAME}.json"), HUMAN_MODELS.file(f"{NAME}.bin")


def build() -> Any:
    """Build the servable module; fetch the weights on first use.

    Its signatures and outputs are those of `tfserving.models.detections.detector` (class 1 = person, at most 6), and
    `detection_keypoints` float32 [n, 6, 17, 2]: y and x of `POINTS`, as fractions of the picture, and
    `detection_keypoint_scores` float32 [n, 6, 17].

    Raises:
        ExportError: the weights cannot be fetched.
    """
    tf = load_tensorflow()
    graph = tfjs.read_graph(*find_weights())
    picture = tf.TensorSpec((1, INPUT_SIZE, INPUT_SIZE, 3), tf.int32)
    network, weights = graphs.as_function(graph, inputs={"input": picture}, outputs=("Identity",))

    def one(picture: Any) -> Any:
        (found,) = network(tf.cast(tf.round(picture), tf.int32)[None])
        return tf.ensure_shape(found[0], (MOST_PEOPLE, _NUMBERS + 5))

    def detect(pictures: Any, filled: Any) -> Detections:
        people = tf.map_fn(one, pictures, fn_output_signature=tf.TensorSpec((MOST_PEOPLE, _NUMBERS + 5), tf.float32))
        order = tf.argsort(people[..., -1], direction="DESCENDING", stable=True)
        people = tf.gather(people, order, batch_dims=1)
        points = tf.reshape(people[..., :_NUMBERS], (-1, MOST_PEOPLE, len(POINTS), 3))
        scores = people[..., -1]
        there = tf.cast(scores > _LOWEST_SCORE, tf.float32)
        whole = tf.tile(filled, [1, 2])[:, None, :]
        return {
            "detection_boxes": tf.clip_by_value(people[..., _NUMBERS:-1] / whole, 0.0, 1.0),
            "detection_scores": scores * there,
            "detection_keypoints": points[..., :2] / filled[:, None, None, :],
            "detection_keypoint_scores": points[..., 2],
            "detection_classes": there,
            "num_detections": tf.reduce_sum(there, axis=-1),
        }

    module = detector(detect, prepare=letterbox(INPUT_SIZE), size=INPUT_SIZE)
    module.weights = weights
    add_labels(module, {1: "person"})
    return module
