"""Requests to classifiers, and the findings in their answers."""

from typing import Any

import numpy as np
import pytest

from consumer.kinds.classification import Classification
from consumer.pictures.picture import Picture
from consumer.prediction import Finding
from consumer.servers.tfserving import row_format
from consumer.tensors import Signature, Tensors
from tests.consumer.frames import jpeg
from tests.consumer.kinds.models import LABELS, ask, boxes_of, is_nonsense, signature, spec

PLAIN = signature({"image_bytes": ("bytes", (-1,))}, {"scores": (-1, -1)})


def original(**values: Any) -> Classification:
    """Return the kind for a server that does not describe its model, as the original asks it."""
    return Classification(spec(**values), Signature(), LABELS)


def plain(labels: Any = None, **values: Any) -> Classification:
    """Return the kind for a model with one output of scores."""
    return Classification(spec(**values), PLAIN, LABELS if labels is None else labels)


def answer(outputs: int, best: dict[int, float], classes: Any = None) -> Tensors:
    """Return what a model of the original's signature answers about one picture; probabilities by output."""
    probabilities = [best.get(index, 0.0) for index in range(outputs)]
    chosen = max(best, key=best.__getitem__) if classes is None else classes
    return {"classes": np.array([chosen]), "probabilities": np.array([probabilities])}


def test_the_picture_is_sent_unchanged() -> None:
    """One instance, `image_bytes` in base64: the original's request."""
    request = original().request([Picture(jpeg())], [None])

    assert request.rows == (1,)
    assert request.inputs["image_bytes"].tolist() == [jpeg()]
    assert row_format(request.inputs).startswith(b'{"instances":[{"image_bytes":{"b64":"')


def test_the_first_of_1001_outputs_is_the_background() -> None:
    """Label = output − 1."""
    (findings,) = ask(original(), answer(1001, {286: 0.7, 1: 0.2, 0: 0.1}))

    assert findings[:3] == (
        Finding(285, "label 285", 0.7),
        Finding(0, "label 0", 0.2),
        Finding(-1, "background", 0.1),
    )


def test_1000_outputs_have_no_background() -> None:
    """Label = output."""
    (findings,) = ask(original(), answer(1000, {285: 0.7, 0: 0.2}))

    assert findings[:2] == (Finding(285, "label 285", 0.7), Finding(0, "label 0", 0.2))


def test_there_are_five_findings_the_model_s_own_choice_first() -> None:
    """Even if another class has a higher probability."""
    (findings,) = ask(original(), answer(1000, {9: 0.4, 8: 0.3, 7: 0.2, 6: 0.1}, classes=7))

    assert [finding.class_ for finding in findings] == [7, 9, 8, 6, 0]
    assert findings[0].probability == 0.2


def test_topk_limits_the_findings_and_a_threshold_does_not() -> None:
    """What is less probable is published, and not drawn."""
    best = {9: 0.4, 8: 0.3, 7: 0.2}

    assert [finding.class_ for finding in ask(original(topk=2), answer(1000, best))[0]] == [9, 8]
    assert [finding.class_ for finding in ask(original(threshold=0.5), answer(1000, best))[0]] == [9, 8, 7, 0, 1]


def test_a_class_without_a_label_is_called_nothing() -> None:
    """The original uses this word; a model of other classes gets the number, which says what the labels lack."""
    assert ask(original(), answer(1000, {999: 1.0}))[0][0].label == "Nothing"
    assert ask(plain({0: "cat"}), {"scores": [[0.1, 0.9]]})[0] == (
        Finding(1, "class 1", 0.9),
        Finding(0, "cat", 0.1),
    )


@pytest.mark.parametrize(
    "outputs",
    [
        {},
        {"classes": np.array([1])},
        {"probabilities": np.full((1, 1000), 0.001)} | {"other": np.array([1])},
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
        {"classes": np.array([1]), "probabilities": np.array([None])},
        {"classes": np.array([1]), "probabilities": np.full((1, 1, 1000), 0.5)},
        {"classes": np.array([1]), "probabilities": np.full(1000, 0.5)},
        {"classes": np.array([1]), "probabilities": np.full((2, 1000), 0.5)},
        {"classes": np.array([1]), "probabilities": np.array([["much"] * 1000])},
    ],
)
def test_an_answer_that_breaks_the_original_s_signature_is_nonsense(outputs: Tensors) -> None:
    """It ends no loop and becomes no label; the message is short."""
    is_nonsense(original(), outputs)


def test_rounding_errors_of_a_softmax_are_accepted() -> None:
    """Half precision gives 1.0005; what is published is 1."""
    assert ask(original(), answer(1000, {1: 1.0005}))[0][0].probability == 1


def test_the_metadata_may_declare_other_classes() -> None:
    """A model of the original's signature with ten classes of its own; an answer with other ones is nonsense."""
    declared = signature({"image_bytes": ("bytes", (-1,))}, {"classes": (-1,), "probabilities": (-1, 10)})
    kind = Classification(spec(), declared, {index: f"digit {index}" for index in range(10)})

    assert ask(kind, answer(10, {7: 0.9}))[0][0] == Finding(7, "digit 7", 0.9)
    assert "instead of [1, 10]" in is_nonsense(kind, answer(1000, {7: 0.9}))


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0.7, 0.2, 0.1], [0.7, 0.2, 0.1]),  # a softmax
        ([0.9, 0.8, 0.1], [0.9, 0.8, 0.1]),  # a sigmoid for each class
        ([2.0, 1.0, 0.0], [0.665241, 0.244728, 0.090031]),  # logits
        ([-1.0, -2.0, -3.0], [0.665241, 0.244728, 0.090031]),
        ([1000.0, 0.0, -1000.0], [1, 0, 0]),
        ([[[2.0]], [[1.0]], [[0.0]]], [0.665241, 0.244728, 0.090031]),  # [n, classes, 1, 1]
        ([3.0], [0.952574]),  # one logit: a sigmoid
        ([0.25], [0.25]),
    ],
)
def test_scores_beyond_0_to_1_are_logits(scores: Any, expected: list[float]) -> None:
    """They become probabilities; what lies between 0 and 1 is taken as it is."""
    (findings,) = ask(plain(), {"scores": [scores]})

    assert [finding.probability for finding in findings] == pytest.approx(expected, abs=1e-6)


def test_a_batch_has_the_findings_of_each_picture() -> None:
    """In the order of the pictures; whether scores are logits is a property of the model, not of a row."""
    found = ask(plain(topk=1), {"scores": [[0.0, 5.0], [0.9, 0.1], [0.1, 0.9]]}, pictures=3)

    assert [[finding.class_ for finding in one] for one in found] == [[1], [0], [1]]
    assert [one[0].probability for one in found] == pytest.approx([0.993307, 0.689974, 0.689974], abs=1e-6)


@pytest.mark.parametrize(
    "outputs",
    [
        {},
        {"scores": [0.5, 0.5]},
        {"scores": [[0.5], [0.5]]},
        {"scores": [[]]},
        {"scores": [[float("nan"), 0.5]]},
        {"scores": [[float("inf"), 0.5]]},
        {"scores": [["a", "b"]]},
        {"scores": [[True, False]]},
        {"scores": np.array(0.5)},
        {"scores": [[[0.1, 0.2], [0.3, 0.4]]]},
        {"other": [[0.5]]},
    ],
)
def test_scores_of_another_form_are_nonsense(outputs: Any) -> None:
    """Whatever the shape."""
    is_nonsense(plain(), outputs)


def test_a_server_that_does_not_describe_its_model_may_give_scores() -> None:
    """One output, whatever its name."""
    assert ask(original(), {"output": [[0.1, 0.9]]})[0][0] == Finding(1, "label 1", 0.9)


def test_boxes_of_another_model_get_a_label_each() -> None:
    """The best one, with the box; the surest box first."""
    boxes = ((0, 0, 50, 50), (100, 100, 60, 80))

    (findings,) = ask(plain(), {"scores": [[0.6, 0.4], [0.1, 0.9]]}, regions=boxes)

    assert findings == (Finding(1, "label 1", 0.9, boxes[1]), Finding(0, "label 0", 0.6, boxes[0]))


def test_no_boxes_are_nothing_to_ask() -> None:
    """Beside a picture that has some, too."""
    kind = plain()
    none, both = kind.request([Picture(jpeg())], [()]), kind.request([Picture(jpeg())] * 2, [(), ((1, 1, 9, 9),)])

    assert (none.rows, dict(none.inputs)) == ((0,), {})
    assert both.rows == (0, 1)
    assert boxes_of(kind.findings({"scores": np.array([[0.9]])}, both)[1]) == [(1, 1, 9, 9)]
    assert kind.findings({"scores": np.array([[0.9]])}, both)[0] == ()


def test_boxes_are_cut_at_the_edges_and_bounded() -> None:
    """Outside is nothing to ask; of many boxes the largest are taken."""
    kind = plain()

    request = kind.request([Picture(jpeg(320, 192))], [((300, 180, 90, 90), (-5, -5, 10, 10), (400, 0, 9, 9))])
    many = kind.request([Picture(jpeg(320, 192))], [tuple((0, 0, size, 1) for size in range(1, 101))])

    assert [place.box for place in request.places] == [(300, 180, 20, 12), (0, 0, 5, 5)]
    assert many.rows == (32,)
    assert {place.box[2] for place in many.places} == set(range(69, 101))


def test_a_margin_shows_the_model_more_than_the_box() -> None:
    """The finding has the box as it was found."""
    kind = plain(crops={"of": "faces", "margin": 0.5})

    request = kind.request([Picture(jpeg(320, 192))], [((100, 50, 40, 20),)])

    assert request.places[0].box == (100, 50, 40, 20)
    assert (request.places[0].placement.x, request.places[0].placement.y) == (80, 40)
    assert request.places[0].placement.input_size == (80, 40)
