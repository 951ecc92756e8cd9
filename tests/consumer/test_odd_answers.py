"""Answers with odd boxes and classes: what is sound in them is shown, and the model stays up."""

from typing import Any

import pytest

from consumer.prediction import Prediction
from shared.reports import ModelReport
from shared.states import ModelState
from tests.conftest import Recovery
from tests.consumer import tf_model
from tests.consumer.asked import AskedModels
from tests.consumer.frames import frame
from tests.consumer.rest import Rest
from tests.consumer.tf_model import FACE, TfModel
from tests.waiting import wait_until

NAN, INFINITE = float("nan"), float("inf")
FRAME = (320, 192)  # width and height of the frames of tests


def said_by(model: TfModel, **entry: Any) -> tuple[Prediction, ModelReport]:
    """Return what a detector says about a frame, and its state."""
    with (
        Rest(model) as server,
        AskedModels(m={"kind": "detection", "url": server.predict_url, "labels": {1: "face"}, **entry}) as asked,
    ):
        answers: list[Prediction] = []

        def answered() -> bool:
            said = asked.ask(frame(), "m")
            answers.extend([said] if isinstance(said, Prediction) else [])
            return bool(answers)

        wait_until(answered, "the model answers")
        return answers[0], asked.models.reports()["m"]


@pytest.mark.fault(
    "a detector answers boxes that are NaN, infinite, of negative size, or outside the picture",
    expects="they are left out, or cut at the edge; the other boxes are shown, and the model is up",
)
def test_boxes_that_are_none_are_left_out(recovery: Recovery) -> None:
    """Whatever is wrong with a box, the others stay."""
    none = [
        [NAN, 0.1, 0.5, 0.5],
        [0.1, 0.1, INFINITE, 0.5],
        [0.5, 0.5, 0.4, 0.4],
        [0.5, 0.5, 0.5, 0.5],
        [1.5, 0.0, 2.0, 1.0],
        [-2.0, -2.0, -1.0, -1.0],
    ]
    beyond = [-0.5, -0.5, 0.5, 0.5]

    said, report = said_by(tf_model.detector(*none, FACE, beyond))

    assert [finding.box for finding in said.findings] == [(80, 48, 80, 96), (0, 0, 160, 96)]
    assert report.state is ModelState.UP
    recovery.seen(f"{len(said.findings)} of {len(none) + 2} boxes shown, the model up", seconds=None)


@pytest.mark.fault(
    "a detector answers 300 boxes", expects="the 100 surest are published and drawn, and the model is up"
)
def test_of_300_boxes_the_surest_hundred_are_kept(recovery: Recovery) -> None:
    """In any order; a record and a picture have a bounded number of boxes."""
    model = tf_model.detector(*[FACE] * 300)
    scores = [0.5 + (index * 7 % 300) / 1000 for index in range(300)]
    plain = model.answer
    model.answer = lambda instances: [{**found, "detection_scores": scores} for found in plain(instances)]

    said, report = said_by(model)

    assert [finding.probability for finding in said.findings] == [
        round(0.799 - index / 1000, 6) for index in range(100)
    ]
    assert report.state is ModelState.UP
    recovery.seen(f"{len(said.findings)} boxes, the model up", seconds=None)


@pytest.mark.fault(
    "a model answers classes that its labels do not have", expects="the number of the class is shown as its label"
)
def test_labels_may_be_shorter_than_the_classes(recovery: Recovery) -> None:
    """A number tells what to add to the labels."""
    said, report = said_by(tf_model.detector(FACE, class_=17))

    assert [finding.label for finding in said.findings] == ["class 17"]
    assert report.state is ModelState.UP
    recovery.seen(f"{said.findings[0].label}, the model up", seconds=None)
