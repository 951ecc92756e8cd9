"""ResNet-50 through the server is Keras' ResNet-50."""

from pathlib import Path
from typing import Any

import numpy as np

from tests.tfserving.serving import b64, picture, running, wait_until_served
from tfserving.models import resnet
from tfserving.models.export import export
from tfserving.models.recipes import recipe

SEED = 7


def test_it_gives_what_keras_gives(tf: Any, tmp_path: Path) -> None:
    """Seeded random weights, chelsea over REST: Keras' own preparation and model, within 1e-4, after class 0."""
    export(recipe("resnet50", weights="none", seed=SEED), tmp_path, version=1)
    network = resnet.keras_model(weights="none", seed=SEED)
    png = picture("chelsea")
    pixels = tf.image.resize(tf.io.decode_png(png, channels=3), (224, 224))
    prepared = tf.keras.applications.resnet50.preprocess_input(pixels.numpy()[None])
    expected = np.asarray(network(prepared, training=False))[0]

    with running([f"--model_base_path={tmp_path}"]) as client:
        wait_until_served(client, "default")
        reply = client.post("/v1/models/default:predict", {"instances": [{"image_bytes": b64(png)}]})

    (prediction,) = reply.json["predictions"]
    assert np.allclose(prediction["probabilities"][1:], expected, rtol=0, atol=1e-4)
    # Random weights do tell pictures' classes apart, or the comparison would show nothing.
    assert expected.max() > 10 * 1e-4
    assert prediction["probabilities"][0] == 0
    assert prediction["classes"] == expected.argmax() + 1
