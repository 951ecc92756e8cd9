"""Requests to models, and the findings in their answers."""

import base64
import json
from typing import Any

import pytest

from consumer.models import HANDLERS, handler_name
from consumer.models.imagenet import Imagenet
from consumer.prediction import Finding
from consumer.servers.errors import ServingNonsense
from tests.consumer.frames import jpeg

LABELS = {index: f"label {index}" for index in range(999)}  # the last one is missing


def answer(outputs: int, best: dict[int, float], classes: Any = None) -> list[Any]:
    """Return `predictions` with these probabilities by output."""
    probabilities = [best.get(index, 0.0) for index in range(outputs)]
    return [
        {"classes": max(best, key=best.__getitem__) if classes is None else classes, "probabilities": probabilities}
    ]


def test_the_part_before_the_underscore_names_the_handler() -> None:
    """So one kind of model may be asked at several servers."""
    assert handler_name("imagenet_1") == handler_name("imagenet_left_side") == handler_name("imagenet") == "imagenet"
    assert HANDLERS["imagenet"] is Imagenet


def test_the_picture_is_sent_unchanged() -> None:
    """The request has one instance, `image_bytes` in base64."""
    document = json.loads(Imagenet(LABELS).request(jpeg()))

    assert list(document) == ["instances"]
    (instance,) = document["instances"]
    assert list(instance) == ["image_bytes"]
    assert base64.b64decode(instance["image_bytes"]["b64"], validate=True) == jpeg()


def test_the_first_of_1001_outputs_is_the_background() -> None:
    """Label = output − 1."""
    findings = Imagenet(LABELS).findings(answer(1001, {286: 0.7, 1: 0.2, 0: 0.1}))

    assert findings[:3] == (
        Finding(285, "label 285", 0.7),
        Finding(0, "label 0", 0.2),
        Finding(-1, "background", 0.1),
    )


def test_1000_outputs_have_no_background() -> None:
    """Label = output."""
    findings = Imagenet(LABELS).findings(answer(1000, {285: 0.7, 0: 0.2}))

    assert findings[:2] == (Finding(285, "label 285", 0.7), Finding(0, "label 0", 0.2))


def test_there_are_five_findings_the_model_s_own_choice_first() -> None:
    """Even if another class has a higher probability."""
    findings = Imagenet(LABELS).findings(answer(1000, {9: 0.4, 8: 0.3, 7: 0.2, 6: 0.1}, classes=7))

    assert [finding.class_ for finding in findings] == [7, 9, 8, 6, 0]
    assert findings[0].probability == 0.2


def test_a_class_without_a_label_is_called_nothing() -> None:
    """The original uses this word."""
    assert Imagenet(LABELS).findings(answer(1000, {999: 1.0}))[0].label == "Nothing"


@pytest.mark.parametrize(
    "predictions",
    [
        [],
        [3],
        ["text"],
        [{}],
        answer(1000, {1: 1.0}) * 2,
        answer(999, {1: 1.0}),
        answer(1002, {1: 1.0}),
        answer(1000, {1: 1.0}, classes=1000),
        answer(1000, {1: 1.0}, classes=-1),
        answer(1000, {1: 1.0}, classes=1.0),
        answer(1000, {1: 1.0}, classes=True),
        answer(1000, {1: 1.0}, classes="1"),
        answer(1000, {1: 1.0}, classes=[1]),
        answer(1000, {1: float("nan")}),
        answer(1000, {1: float("inf")}),
        answer(1000, {1: 1.1}),
        answer(1000, {1: -0.1}),
        answer(1000, {1: -1e300}),
        answer(1000, {1: 10**400}),
        [{"classes": 1, "probabilities": None}],
        [{"classes": 1, "probabilities": [[0.5] * 1000]}],
        [{"classes": 1, "probabilities": ["much"] * 1000}],
        [{"classes": 1, "probabilities": [[0.5], *([0.5] * 999)]}],
        [{"classes": 1, "probabilities": {"1": 1.0}}],
    ],
)
def test_an_answer_that_breaks_the_signature_is_nonsense(predictions: list[Any]) -> None:
    """It ends no loop and becomes no label; the message is short."""
    with pytest.raises(ServingNonsense) as caught:
        Imagenet(LABELS).findings(predictions)

    assert len(str(caught.value)) < 200


def test_rounding_errors_of_a_softmax_are_accepted() -> None:
    """Half precision gives 1.0005; what is published is 1."""
    assert Imagenet(LABELS).findings(answer(1000, {1: 1.0005}))[0].probability == 1
