"""The detector returns what the original graph of TensorFlow's detection zoo returns."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.models import exported
from tests.tfserving.models.pictures import jpegs, photograph
from tests.tfserving.serving import Client, b64, running, wait_until_served
from tfserving.errors import ExportError
from tfserving.models import coco, ssd

pytestmark = pytest.mark.timeout(600)  # the first run fetches and exports

PREDICT = "/v1/models/detector:predict"
OUTPUTS = ("detection_boxes", "detection_scores", "detection_classes", "num_detections")
COMPARED_FROM = 0.3  # score: the original graph returns none below
SEEN = {"astronaut": "person", "chelsea": "cat", "coffee": "cup", "motorcycle_left": "motorcycle", "horse": "horse"}


@pytest.fixture(scope="module")
def base() -> Path:
    return exported("detector")


@pytest.fixture(scope="module")
def client(base: Path) -> Iterator[Client]:
    with running([f"--model_base_path={base}", "--model_name=detector"]) as found:
        wait_until_served(found, "detector")
        yield found


@pytest.fixture(scope="module")
def answers(client: Client) -> dict[str, Any]:
    """What the server returns for all pictures in one request, by name."""
    pictures = jpegs()
    reply = client.post(PREDICT, {"instances": [b64(data) for data in pictures.values()]})
    assert reply.status == 200, reply.body
    return dict(zip(pictures, reply.json["predictions"], strict=True))


def overlap(a: Any, b: Any) -> float:
    """Intersection over union of two boxes (ymin, xmin, ymax, xmax)."""
    height = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    width = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return float(height * width / (sum(areas) - height * width))


def found_in(answer: Any, lowest: float) -> list[tuple[str, float, Any]]:
    rows = zip(answer["detection_classes"], answer["detection_scores"], answer["detection_boxes"], strict=True)
    return [(coco.LABELS[int(number)], score, box) for number, score, box in rows if score >= lowest]


def test_boxes_and_scores_are_those_of_the_original_graph(tf: Any, answers: dict[str, Any]) -> None:
    """On eleven pictures, through REST: IoU at least 0.99, scores within 0.01; no box more, no box less."""
    graph = tf.compat.v1.GraphDef()
    graph.ParseFromString(ssd.find_weights().read_bytes())
    compared = 0
    with tf.Graph().as_default() as original, tf.compat.v1.Session(graph=original) as session:
        tf.import_graph_def(graph, name="")
        encoded = tf.compat.v1.placeholder(tf.string, ())
        decoded = tf.io.decode_image(encoded, channels=3, expand_animations=False)
        for name, jpeg in jpegs().items():
            pixels = session.run(decoded, {encoded: jpeg})
            outputs = session.run([f"{one}:0" for one in OUTPUTS], {"image_tensor:0": pixels[None]})
            expected = found_in({one: value[0] for one, value in zip(OUTPUTS, outputs, strict=True)}, COMPARED_FROM)
            got = found_in(answers[name], COMPARED_FROM)
            assert [label for label, _, _ in got] == [label for label, _, _ in expected], name
            for (_, score, box), (_, wanted, place) in zip(got, expected, strict=True):
                assert overlap(box, place) >= 0.99, name
                assert score == pytest.approx(wanted, abs=0.01), name
                compared += 1
    assert compared >= 20


def test_pictures_show_what_they_show(answers: dict[str, Any]) -> None:
    """The strongest box is of the object that a person would name."""
    assert {name: found_in(answers[name], 0.4)[0][0] for name in SEEN} == SEEN


def test_one_picture_gives_what_it_gives_in_a_batch(client: Client, answers: dict[str, Any]) -> None:
    reply = client.post(PREDICT, {"instances": [{"image_bytes": b64(photograph("coffee"))}]})

    (alone,) = reply.json["predictions"]
    assert alone["num_detections"] == answers["coffee"]["num_detections"]
    assert np.allclose(alone["detection_boxes"], answers["coffee"]["detection_boxes"], atol=1e-4)


def test_outputs_have_the_names_and_shapes_of_the_zoo(client: Client, answers: dict[str, Any]) -> None:
    """Rows beyond `num_detections` are zeros; scores descend; boxes are fractions of the picture."""
    metadata = client.get("/v1/models/detector/metadata").json["metadata"]["signature_def"]["signature_def"]
    shapes = {
        name: [int(dim["size"]) for dim in output["tensor_shape"]["dim"]]
        for name, output in metadata["serving_default"]["outputs"].items()
    }
    assert shapes == {
        "detection_boxes": [-1, 100, 4],
        "detection_scores": [-1, 100],
        "detection_classes": [-1, 100],
        "num_detections": [-1],
    }
    for answer in answers.values():
        number = int(answer["num_detections"])
        scores = answer["detection_scores"]
        assert scores == sorted(scores, reverse=True)
        assert not any(scores[number:])
        assert not any(answer["detection_classes"][number:])
        assert all(0 <= value <= 1 for box in answer["detection_boxes"] for value in box)
        assert set(answer["detection_classes"][:number]) <= set(coco.IDS)


def test_pixels_of_the_models_size_are_answered_too(client: Client, answers: dict[str, Any]) -> None:
    """The signature for servers without encoded pictures; the client scales, so the boxes differ a little."""
    decoded = cv2.imdecode(np.frombuffer(photograph("motorcycle_left"), np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    pixels = cv2.cvtColor(cv2.resize(decoded, (ssd.INPUT_SIZE, ssd.INPUT_SIZE)), cv2.COLOR_BGR2RGB)

    reply = client.post(PREDICT, {"signature_name": "tensor", "instances": [pixels.tolist()]})

    (answer,) = reply.json["predictions"]
    label, score, box = found_in(answer, 0.4)[0]
    expected, wanted, place = found_in(answers["motorcycle_left"], 0.4)[0]
    assert label == expected
    assert score == pytest.approx(wanted, abs=0.05)
    assert overlap(box, place) > 0.9


def test_a_picture_that_cannot_be_read_is_refused(client: Client) -> None:
    reply = client.post(PREDICT, {"instances": [b64(b"not a picture")]})

    assert reply.status == 400
    assert "image" in reply.error.lower()


def test_the_names_of_the_classes_are_in_the_saved_model(base: Path) -> None:
    (version,) = [folder for folder in base.iterdir() if folder.name.isdecimal()]
    lines = (version / "assets" / "labels.txt").read_text().splitlines()

    assert len(lines) == 80
    assert (lines[0], lines[-1]) == ("1 person", "90 toothbrush")


@pytest.mark.parametrize(("content", "message"), [(b"\xff\xff", "is not a graph"), (b"", "is another graph")])
def test_another_file_is_refused(tf: Any, tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "frozen_inference_graph.pb"
    path.write_bytes(content)

    with pytest.raises(ExportError, match=rf"frozen_inference_graph\.pb {message}"):
        ssd.build(path)
