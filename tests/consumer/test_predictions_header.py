"""The header of a frame, within its bound."""

import json

from consumer.caption import Caption, caption
from consumer.prediction import Finding
from consumer.predictions_header import as_header
from shared.frames.frame import MAX_PREDICTIONS_BYTES
from shared.reports import MAX_MODELS, ModelReport
from shared.states import ModelState
from tests.consumer.frames import BEGAN, frame, prediction

UP = ModelReport(ModelState.UP, BEGAN, "3")


def boxes(model: str, number: int, probability: float, label: str = "person") -> Caption:
    """Return a caption with boxes, each a little less probable than the one before."""
    found = [Finding(1, label, probability - index / 1e4, (index, 2, 30, 40)) for index in range(number)]
    return caption(model, UP, prediction(frame(), *found, model=model), frame())


def test_the_header_is_ascii() -> None:
    """Kafka's headers are bytes, which not every client reads as UTF-8."""
    one = caption("imagenet_1", UP, prediction(frame(), Finding(1, "crème brûlée", 0.5)), frame())

    header = as_header([one])

    assert header.isascii()
    assert json.loads(header)[0]["label"] == "crème brûlée"


def test_what_fits_is_there_as_a_whole() -> None:
    """Nothing is counted as left out."""
    (document,) = json.loads(as_header([boxes("things", 100, 0.9)]))

    assert len(document["boxes"]) == 100
    assert "left_out" not in document


def test_the_least_probable_boxes_of_all_models_are_left_out_first() -> None:
    """Readers ignore a header of more than 16 KB; how many boxes are missing is said for each model."""
    captions = [boxes("sure", 100, 0.9), boxes("vague", 100, 0.3), boxes("surer", 100, 0.95, "ü" * 10)]

    header = as_header(captions)

    assert 0.9 * MAX_PREDICTIONS_BYTES < len(header) <= MAX_PREDICTIONS_BYTES
    sure, vague, surer = json.loads(header)
    assert len(surer["boxes"]) == 100 > len(sure["boxes"]) > len(vague["boxes"]) == 0
    assert [len(one["boxes"]) + one.get("left_out", 0) for one in (sure, vague, surer)] == [100, 100, 100]
    assert surer["boxes"] == json.loads(as_header([captions[2]], most_bytes=10**6))[0]["boxes"][: len(surer["boxes"])]
    assert (vague["label"], vague["state"]) == ("person", "ok"), "the model's best finding is said anyway"


def test_the_longest_labels_of_the_most_models_stay_within_the_bound() -> None:
    """Then the last models are missing."""
    captions = [boxes(f"model-{number}", 100, 0.9, "漢" * 200) for number in range(MAX_MODELS)]

    header = as_header(captions)

    assert len(header) <= MAX_PREDICTIONS_BYTES
    assert [one["model"] for one in json.loads(header)] == [f"model-{n}" for n in range(len(json.loads(header)))]
    assert len(json.loads(header)) >= 8


def test_the_best_five_findings_about_the_whole_picture_are_there() -> None:
    """The record has all of them; the header is for what is shown. A finding with a box is among the boxes."""
    found = [Finding(number, f"label {number}", 0.9 - number / 10) for number in range(7)]
    found.append(Finding(8, "cup", 0.1, (1, 2, 3, 4)))
    one = caption("imagenet_1", UP, prediction(frame(), *found), frame())

    (document,) = json.loads(as_header([one]))

    assert document["findings"] == [finding.as_json() for finding in found[:5]]
    assert [box["label"] for box in document["boxes"]] == ["cup"]


def test_key_points_are_there_as_they_are_drawn() -> None:
    """Of a box that has some; another one has no such key."""
    pose = Finding(0, "person", 0.9, (1, 2, 30, 40), ((5, 6), (7, 8)))
    bare = Finding(0, "person", 0.8, (50, 2, 30, 40))
    one = caption("pose", UP, prediction(frame(), pose, bare, model="pose"), frame())

    (document,) = json.loads(as_header([one]))

    assert [box.get("points") for box in document["boxes"]] == [[[5, 6], [7, 8]], None]
