"""What all picture classifiers here share: bytes in, classes out."""

from collections.abc import Callable
from typing import Any

from tfserving.layout import Scaling
from tfserving.models.onnx_form import network_of_pictures
from tfserving.runtime import load_tensorflow

CLASSES = 1000


def decode_pictures(image_bytes: Any, *, size: int) -> Any:
    """Decode and scale encoded pictures inside the graph.

    Args:
        image_bytes: string tensor [n], each a JPEG or PNG (or BMP, or GIF: its first picture).
        size: height and width to scale to, in pixels.

    Returns:
        float32 tensor [n, size, size, 3], RGB, 0 to 255, bilinear with half-pixel centres.
    """
    tf = load_tensorflow()

    def decode_one(encoded: Any) -> Any:
        picture = tf.io.decode_image(encoded, channels=3, expand_animations=False)
        picture.set_shape((None, None, 3))
        return tf.image.resize(picture, (size, size), method="bilinear", antialias=False)

    spec = tf.TensorSpec((size, size, 3), tf.float32)
    return tf.map_fn(decode_one, image_bytes, fn_output_signature=spec)


def classifier(probabilities_of: Callable[[Any], Any], *, size: int) -> Any:
    """Build the module whose `serving_default` has the original's signature.

    Input `image_bytes` (string [-1]); outputs `classes` (int64 [-1]) and `probabilities`
    (float32 [-1, 1001], class 0 = background, which gets probability 0).

    Args:
        probabilities_of: float32 [n, size, size, 3], RGB 0 to 255 → float32 [n, 1000].
        size: height and width of the network's input, in pixels.
    """
    tf = load_tensorflow()

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])  # type: ignore[untyped-decorator]
    def serve(image_bytes: Any) -> dict[str, Any]:
        return classify(decode_pictures(image_bytes, size=size))

    def classify(pictures: Any) -> dict[str, Any]:
        probabilities = tf.pad(probabilities_of(pictures), [[0, 0], [1, 0]])
        probabilities = tf.ensure_shape(probabilities, (None, CLASSES + 1))
        return {"classes": tf.argmax(probabilities, axis=1), "probabilities": probabilities}

    module = tf.Module()
    module.serve = serve
    pictures = tf.TensorSpec([None, size, size, 3], tf.float32, name="pictures")
    network = tf.function(classify, input_signature=[pictures])
    module.network = network_of_pictures(network, size=size, scaling=Scaling.STRETCHED)
    return module
