"""Keras' ResNet-50; the pictures are prepared inside the model."""

from typing import Any

from tfserving.errors import ExportError
from tfserving.models.pictures import classifier
from tfserving.models.tracking import track_variables
from tfserving.runtime import load_tensorflow

INPUT_SIZE = 224  # pixels


def build(*, weights: str = "imagenet", seed: int = 0) -> Any:
    """Build the servable module (signature of `tfserving.models.pictures.classifier`).

    Args:
        weights: `imagenet` (Keras downloads 103 MB on first use) or `none` (random, for tests).
        seed: of the random weights.

    Raises:
        ExportError: the weights could not be downloaded.
    """
    tf = load_tensorflow()
    network = keras_model(weights=weights, seed=seed)
    prepare = tf.keras.applications.resnet50.preprocess_input
    module = classifier(lambda pictures: network(prepare(pictures), training=False), size=INPUT_SIZE)
    track_variables(module, network)
    return module


def keras_model(*, weights: str = "imagenet", seed: int = 0) -> Any:
    """Return Keras' own ResNet50; arguments and errors as in `build`."""
    keras = load_tensorflow().keras
    keras.utils.set_random_seed(seed)
    try:
        return keras.applications.ResNet50(weights=None if weights == "none" else weights)
    except Exception as exc:  # Keras raises a bare Exception when its download fails
        raise ExportError(
            f"Keras could not get ResNet-50's {weights} weights ({exc}); "
            "they are downloaded on first use, which needs the internet"
        ) from exc
