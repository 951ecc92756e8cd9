"""The models out of npm packages, and emotions: what they find on real pictures, through one server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.models import exported
from tests.tfserving.models.pictures import photograph
from tests.tfserving.serving import Client, b64, running, wait_until_served
from tfserving.models import blazeface, coco, movenet
from tfserving.models.emonet import EMOTIONS

pytestmark = pytest.mark.timeout(600)  # the first run fetches and exports

MODELS = ("face", "emotion", "pose", "nanodet")
SURE_FACE = 0.6


@pytest.fixture(scope="module")
def config() -> Path:
    return exported(*MODELS, "--config")


@pytest.fixture(scope="module")
def client(config: Path) -> Iterator[Client]:
    with running([f"--model_config_file={config}"]) as found:
        for name in MODELS:
            wait_until_served(found, name)
        yield found


def ask(client: Client, model: str, *pictures: bytes) -> list[dict[str, Any]]:
    reply = client.post(f"/v1/models/{model}:predict", {"instances": [b64(data) for data in pictures]})
    assert reply.status == 200, reply.body
    return list(reply.json["predictions"])


def pixels(jpeg: bytes) -> Any:
    decoded = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    return decoded


def test_the_astronaut_has_one_face_and_it_is_happy(client: Client) -> None:
    """The face model's box, cut out in grey, is what the emotion model takes."""
    jpeg = photograph("astronaut")
    (answer,) = ask(client, "face", jpeg)
    (sure,) = [score for score in answer["detection_scores"] if score >= SURE_FACE]
    assert sure == answer["detection_scores"][0]
    height, width = pixels(jpeg).shape[:2]
    ymin, xmin, ymax, xmax = np.array(answer["detection_boxes"][0]) * [height, width, height, width]
    eye, _, nose, mouth, _, _ = np.array(answer["detection_keypoints"][0]) * [height, width]

    # Where a person sees it: around (225, 110), with eyes above the nose and the nose above the mouth.
    assert xmin < 225 < xmax
    assert ymin < 110 < ymax
    assert ymin < eye[0] < nose[0] < mouth[0] < ymax
    assert len(answer["detection_keypoints"][0]) == len(blazeface.POINTS)

    grey = cv2.cvtColor(pixels(jpeg), cv2.COLOR_BGR2GRAY)[int(ymin) : int(ymax), int(xmin) : int(xmax)]
    face = cv2.resize(grey, (64, 64)).astype(np.float32)[..., None] / 255
    reply = client.post("/v1/models/emotion:predict", {"instances": [face.tolist()] * 2})

    first, second = reply.json["predictions"]
    assert EMOTIONS[int(np.argmax(first))] == "happy"
    assert max(first) > 0.9
    assert np.allclose(first, second, atol=1e-6)


def test_no_face_is_sure_where_there_is_none(client: Client) -> None:
    """In one request with pictures of other sizes."""
    motorcycle, horse = ask(client, "face", photograph("motorcycle_left"), photograph("horse"))

    assert max(motorcycle["detection_scores"]) < SURE_FACE
    assert max(horse["detection_scores"]) < SURE_FACE


def test_a_person_has_key_points(client: Client) -> None:
    """The astronaut: head above shoulders, eyes beside each other; the cup of coffee is nobody."""
    astronaut, coffee = ask(client, "pose", photograph("astronaut"), photograph("coffee"))

    points = dict(zip(movenet.POINTS, np.array(astronaut["detection_keypoints"][0]), strict=True))
    assert astronaut["detection_scores"][0] > 0.25
    assert astronaut["detection_classes"][0] == 1
    assert points["nose"][0] < points["left shoulder"][0]
    assert points["right eye"][1] < points["nose"][1] < points["left eye"][1]
    assert coffee["detection_scores"][0] < 0.25


@pytest.mark.parametrize(("name", "label"), [("motorcycle_left", "motorcycle"), ("chelsea", "cat"), ("horse", "horse")])
def test_nanodet_sees_the_object(client: Client, name: str, label: str) -> None:
    (answer,) = ask(client, "nanodet", photograph(name))

    assert coco.LABELS[int(answer["detection_classes"][0])] == label
    assert answer["detection_scores"][0] > 0.5


def test_letterboxed_boxes_are_fractions_of_the_picture(client: Client) -> None:
    """The horse fills its picture of 400×328; a box that forgot the black rest would end at 0.82."""
    (answer,) = ask(client, "nanodet", photograph("horse"))

    assert answer["detection_boxes"][0][2] > 0.9
