"""Predictions, and which of them are shown."""

import json
from dataclasses import replace

from jsonschema import Draft202012Validator

from consumer.prediction import FORGOTTEN_AFTER_S, Finding, Newest
from tests.consumer.frames import CAT, EVERY, frame, prediction
from tests.suite import ROOT


def test_the_record_is_that_of_the_design() -> None:
    """Section 4: names, and a box only where there is one."""
    face = Finding(3, "happy", 0.9, (1, 2, 30, 40))

    document = prediction(frame(seq=5), CAT, face, version=None).as_json()

    assert document == {
        "camera": "front",
        "run": frame(seq=5).run,
        "seq": 5,
        "captured_at": frame(seq=5).captured_at,
        "model": "imagenet_1",
        "kind": "classification",
        "version": None,
        "shadow": False,
        "requested_at": frame(seq=5).captured_at + 10,
        "answered_at": frame(seq=5).captured_at + 20,
        "predictions": [
            {"class": 285, "label": "Egyptian cat", "probability": 0.785},
            {"class": 3, "label": "happy", "probability": 0.9, "box": [1, 2, 30, 40]},
        ],
    }


def test_the_record_is_as_the_schema_says() -> None:
    """With boxes, key points, and what a model does not tell."""
    findings = (CAT, Finding(3, "happy", 0.9, (1, 2, 30, 40), ((5, 6), (7, 8))), Finding(-1, "background", None))
    schema = json.loads((ROOT / "docs" / "schemas" / "prediction.schema.json").read_text())
    validator = Draft202012Validator(schema)

    documents = [prediction(frame(), *some, version=None).as_json() for some in ((), findings)]

    assert [error.message for document in documents for error in validator.iter_errors(document)] == []
    assert set(documents[0]) == set(schema["properties"]) == set(schema["required"])
    assert set(documents[1]["predictions"][1]) == set(schema["$defs"]["finding"]["properties"])


def test_the_newest_frame_s_prediction_is_kept() -> None:
    """A later answer about an older frame does not replace it."""
    newest = Newest()
    newest.put(prediction(frame(seq=7)))
    newest.put(prediction(frame(seq=6)))

    assert newest.get(frame(seq=8)) == prediction(frame(seq=7))


def test_each_camera_has_its_own() -> None:
    """A camera never shows the label of another."""
    newest = Newest()
    newest.put(prediction(frame("front", 7)))

    assert newest.get(frame("yard", 8)) is None


def test_a_restarted_producer_counts_from_one_again() -> None:
    """Its run differs, so that its first prediction is the newest."""
    newest = Newest()
    newest.put(prediction(frame(seq=900)))
    again = replace(prediction(frame(seq=901)), run=5, seq=1)
    newest.put(again)

    assert newest.get(frame(seq=902)) == again


def test_an_old_label_is_not_shown() -> None:
    """It is forgotten after ten seconds of pictures."""
    newest = Newest()
    newest.put(prediction(frame(seq=1)))
    frames = round(FORGOTTEN_AFTER_S * 1e6 / EVERY)

    assert newest.get(frame(seq=1 + frames)) is not None
    assert newest.get(frame(seq=2 + frames)) is None


def test_a_prediction_knows_its_frame_and_its_age() -> None:
    """The frame by camera, run and sequence, the age by the camera's clock."""
    one = prediction(frame(seq=5))

    assert one.is_of(frame(seq=5))
    assert not one.is_of(frame(seq=6))
    assert not one.is_of(frame("yard", 5))
    assert one.age_s(frame(seq=30)) == 1.0
