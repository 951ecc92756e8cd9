"""YOLO's two layouts, and non-maximum suppression."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from consumer.kinds import Kind
from consumer.kinds.yolo import attributes_first
from consumer.servers.errors import Contradiction
from consumer.tensors import Signature
from tests.consumer.kinds.models import ask, boxes_of, is_nonsense, made, signature

NAMES = {0: "cat", 1: "dog", 2: "cow"}
# 640×480 in a letterbox of 320×320: half the size, 40 rows of bar above and below.
MIDDLE = [160.0, 160.0, 80.0, 40.0]  # centre, width, height in the input
IN_FRAME = (240, 200, 160, 80)


def model(k: int = -1, attributes: int = 7) -> Signature:
    return signature({"images": ("float32", (1, 3, 320, 320))}, {"output0": (1, attributes, k)})


def detector(of: Signature | None = None, labels: Any = None, **values: Any) -> Kind:
    return made("detection", of or model(), NAMES if labels is None else labels, **values)


def new(*boxes: Any, k: int = 50) -> dict[str, NDArray[Any]]:
    """Return [1, 4 + C, k] of boxes (centre x, y, width, height, scores); the rest are zeros."""
    rows = np.zeros((k, len(boxes[0])))
    rows[: len(boxes)] = boxes
    return {"output0": rows.T[None]}


def old(*boxes: Any, k: int = 50) -> dict[str, NDArray[Any]]:
    """Return [1, k, 5 + C] of boxes (centre x, y, width, height, object, scores)."""
    rows = np.zeros((k, len(boxes[0])))
    rows[: len(boxes)] = boxes
    return {"output0": rows[None]}


@pytest.mark.parametrize(
    "outputs", [new([*MIDDLE, 0.1, 0.8, 0.2]), old([*MIDDLE, 1.0, 0.1, 0.8, 0.2]), old([*MIDDLE, 0.8, 0.1, 1.0, 0.2])]
)
def test_both_layouts_are_told_apart_by_their_shape(outputs: Any) -> None:
    """The older one multiplies the score of the class with that of an object."""
    (findings,) = ask(detector(), outputs)

    ((class_, label, probability, box),) = [(f.class_, f.label, f.probability, f.box) for f in findings]
    assert (class_, label, probability, box) == (1, "dog", 0.8, IN_FRAME)


@pytest.mark.parametrize(
    ("shape", "classes", "first"),
    [
        ((84, 8400), 80, True),
        ((25200, 85), 80, False),
        ((84, 3), 80, True),  # few boxes, known classes
        ((3, 85), 80, False),
        ((5, 8400), 80, True),  # labels of another model: boxes are more than attributes
        ((8400, 6), 80, False),
        ((84, 8400), 2, True),
        ((7, 3), 80, True),  # three numbers are no box with a score
    ],
)
def test_the_number_of_classes_decides_before_the_sizes(shape: tuple[int, int], classes: int, first: bool) -> None:
    """Labels may be longer or shorter than the classes."""
    assert attributes_first(shape, classes) is first


def test_boxes_in_shares_of_the_input_are_understood() -> None:
    """Some exports divide by the size."""
    shares = [value / 320 for value in MIDDLE]

    assert boxes_of(ask(detector(), new([*shares, 0.9, 0, 0]))[0]) == [IN_FRAME]


def test_of_boxes_that_overlap_the_surest_is_kept() -> None:
    """Within a class only; an overlap of a third is not enough."""
    moved = [162.0, 160.0, 80.0, 40.0]
    aside = [200.0, 160.0, 80.0, 40.0]

    (findings,) = ask(
        detector(),
        new([*MIDDLE, 0.7, 0, 0], [*moved, 0.9, 0, 0], [*MIDDLE, 0, 0.6, 0], [*aside, 0.8, 0, 0]),
    )

    assert [(f.label, f.probability) for f in findings] == [("cat", 0.9), ("cat", 0.8), ("dog", 0.6)]


def test_the_threshold_counts_after_the_object_s_score() -> None:
    """0.7 × 0.7 is less than a half."""
    assert ask(detector(), old([*MIDDLE, 0.7, 0.7, 0, 0])) == [()]
    assert len(ask(detector(threshold=0.4), old([*MIDDLE, 0.7, 0.7, 0, 0]))[0]) == 1


def test_the_labels_of_coco_are_counted_in_order() -> None:
    """YOLO numbers 80 classes from 0; COCO's own numbers have gaps."""
    with_gaps = {1: "person", 13: "stop sign", 90: "toothbrush"}

    (findings,) = ask(detector(labels=with_gaps), new([*MIDDLE, 0, 0.9, 0]))

    assert [(finding.class_, finding.label) for finding in findings] == [(1, "stop sign")]


def test_a_class_without_a_label_is_named_by_its_number() -> None:
    """Labels may be shorter than the classes."""
    assert ask(detector(labels={0: "cat"}), new([*MIDDLE, 0, 0, 0.9]))[0][0].label == "class 2"


def test_numbers_that_are_none_are_left_out() -> None:
    """The other boxes stay."""
    nan = float("nan")
    bad = [
        [nan, 160, 80, 40, 0.9, 0, 0],
        [160, 160, -80, 40, 0.9, 0, 0],
        [160, 160, 0, 40, 0.9, 0, 0],
        [1e9, 160, 80, 40, 0.9, 0, 0],
        [160, 160, float("inf"), 40, 0.9, 0, 0],
        [160, 160, 80, 40, nan, nan, nan],
    ]

    assert boxes_of(ask(detector(), new(*bad, [*MIDDLE, 0, 0, 0.7]))[0]) == [IN_FRAME]


def test_thousands_of_sure_boxes_are_bounded() -> None:
    """8400 boxes apart from each other, all of them sure: 100 are found."""
    grid = np.arange(8400)
    rows = np.column_stack([grid % 300 + 5.0, grid // 300 * 5.0 + 50, np.full((8400, 2), 0.5), np.full(8400, 0.9)])

    (findings,) = ask(detector(labels={0: "dot"}), {"output0": rows.T[None]})

    assert len(findings) == 100


@pytest.mark.parametrize(
    "outputs",
    [
        {},
        {"other": np.zeros((1, 7, 50))},
        {"output0": np.zeros((1, 7))},
        {"output0": np.zeros((2, 7, 50))},
        {"output0": np.zeros((1, 4, 50))},
        {"output0": np.zeros((1, 0, 50))},
        {"output0": np.zeros((1, 7, 0))},
        {"output0": np.full((1, 7, 50), "a")},
        new([*MIDDLE, 5.0, 0, 0]),
        new([*MIDDLE, -1.0, 0, 0]),
        old([*MIDDLE, 30.0, 0.5, 0, 0]),
    ],
)
def test_an_answer_of_another_form_is_nonsense(outputs: Any) -> None:
    """Logits included: a model must answer probabilities."""
    is_nonsense(detector(), outputs)


def test_other_outputs_are_passed_over() -> None:
    """Models that also cut out masks have one of four dimensions."""
    of = signature({"images": ("float32", (1, 3, 320, 320))}, {"output0": (1, 7, 50), "masks": (1, 32, 80, 80)})

    assert len(ask(detector(of), new([*MIDDLE, 0.9, 0, 0]) | {"masks": np.zeros((1, 32, 80, 80))})[0]) == 1
    with pytest.raises(Contradiction, match="one output"):
        detector(signature({}, {"a": (1, 7, 50), "b": (1, 7, 50)}))


def test_a_server_that_describes_nothing_is_read_by_its_answer() -> None:
    """The document says what the metadata do not."""
    undescribed = detector(Signature(), input={"encoding": "tensor", "size": [320, 320], "resize": "letterbox"})

    assert boxes_of(ask(undescribed, new([*MIDDLE, 0.9, 0, 0]))[0]) == [IN_FRAME]


def test_a_model_that_decodes_pictures_gets_the_letterbox_as_a_jpeg() -> None:
    """Its boxes are in pixels of what was sent, which the document gives the size."""
    of = signature({"image_bytes": ("bytes", (-1,))}, {"output0": (1, 7, 50)})

    assert boxes_of(ask(detector(of, input={"size": [320, 320]}), new([*MIDDLE, 0.9, 0, 0]))[0]) == [IN_FRAME]
