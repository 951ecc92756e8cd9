"""Detectors with TensorFlow's outputs: boxes in pixels of the frame, whatever a model answers."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from consumer.kinds import Kind
from consumer.prediction import Finding
from consumer.servers.errors import Contradiction
from consumer.tensors import Signature
from tests.consumer.kinds.models import ask, boxes_of, is_nonsense, made, picture, signature

COCO = {1: "person", 3: "car"}
TENSORFLOW = {
    "detection_boxes": (-1, 100, 4),
    "detection_scores": (-1, 100),
    "detection_classes": (-1, 100),
    "num_detections": (-1,),
}
PIXELS = signature({"images": ("uint8", (-1, 300, 300, 3))}, TENSORFLOW)
WHOLE = [0.0, 0.0, 1.0, 1.0]


def detector(of: Signature = PIXELS, **values: Any) -> Kind:
    return made("detection", of, COCO, **values)


def answer(*boxes: Any, scores: Any = None, classes: Any = None, count: Any = None) -> dict[str, NDArray[Any]]:
    """Return an answer about one picture; boxes are [ymin, xmin, ymax, xmax]."""
    return {
        "detection_boxes": np.array([boxes], float).reshape(1, -1, 4),
        "detection_scores": np.array([[0.9] * len(boxes) if scores is None else scores], float),
        "detection_classes": np.array([[1.0] * len(boxes) if classes is None else classes], float),
        "num_detections": np.array([len(boxes) if count is None else count], float),
    }


@pytest.mark.parametrize(
    "of",
    [
        PIXELS,
        Signature(),
        signature({"image_bytes": ("bytes", (-1,))}, TENSORFLOW),
        signature({"images": ("float32", (-1, 3, 320, 640))}, TENSORFLOW),
    ],
)
@pytest.mark.parametrize("resize", ["stretch", None])
def test_a_box_is_in_pixels_of_the_frame(of: Signature, resize: str | None) -> None:
    """[ymin, xmin, ymax, xmax] as shares become x, y, width and height, whatever size the model takes."""
    (findings,) = ask(
        detector(of, input={"resize": resize}), answer([0.25, 0.1, 0.75, 0.5], scores=[0.875], classes=[3])
    )

    assert findings == (Finding(3, "car", 0.875, (64, 120, 256, 240)),)


def test_a_letterbox_is_taken_into_account() -> None:
    """640×480 in 300×300 leaves bars of 37 above and below; shares are of the model's input."""
    top, bottom = 37 / 300, 263 / 300

    (findings,) = ask(detector(input={"resize": "letterbox"}), answer([top, 0, bottom, 1]))

    assert boxes_of(findings) == [(0, 0, 640, 480)]


def test_a_box_of_another_model_is_looked_into() -> None:
    """Boxes within the crop are in pixels of the whole frame; all findings of a picture are sorted together."""
    crops = ((100, 50, 200, 100), (400, 200, 100, 100))
    of_both = {name: np.concatenate([values] * 2) for name, values in answer([0.0, 0.5, 0.5, 1.0]).items()}
    of_both["detection_scores"] = np.array([[0.6], [0.8]])

    (findings,) = ask(detector(), of_both, regions=crops)

    assert boxes_of(findings) == [(450, 200, 50, 50), (200, 50, 100, 50)]


def test_the_threshold_of_a_detector_is_a_half() -> None:
    """Unless the document says another."""
    given = answer(WHOLE, WHOLE, WHOLE, scores=[0.49, 0.5, 0.2])

    assert len(ask(detector(), given)[0]) == 1
    assert len(ask(detector(threshold=0.2), given)[0]) == 3


def test_there_are_at_most_100_boxes_the_surest_first() -> None:
    """Of 300 that a model answers in any order."""
    scores = np.random.default_rng(1).permutation(np.linspace(0.5, 1, 300))
    boxes = [[0.1, 0.1, 0.2 + index / 1000, 0.5] for index in range(300)]

    (findings,) = ask(detector(), answer(*boxes, scores=scores))

    assert [finding.probability for finding in findings] == [round(score, 6) for score in sorted(scores)[:-101:-1]]


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ([-0.5, -0.5, 0.5, 0.5], (0, 0, 320, 240)),
        ([0.5, 0.5, 9.0, 9.0], (320, 240, 320, 240)),
        ([-1e30, -1e30, 1e30, 1e30], (0, 0, 640, 480)),
        ([0.5, 0.5, 0.5001, 0.5001], (320, 240, 1, 1)),
        ([0.9999, 0.9999, 1.0, 1.0], (639, 479, 1, 1)),
        ([0.0, 0.0, 0.0001, 0.0001], (0, 0, 1, 1)),
    ],
)
def test_a_box_is_cut_at_the_edges_of_the_frame(box: Any, expected: Any) -> None:
    """And is a pixel wide and high at least."""
    assert boxes_of(ask(detector(), answer(box))[0]) == [expected]


@pytest.mark.parametrize(
    "box",
    [
        [1.0, 0.0, 1.5, 1.0],
        [-0.5, 0.0, 0.0, 1.0],
        [0.0, 1.5, 1.0, 1.9],
        [0.5, 0.5, 0.4, 0.6],
        [0.5, 0.6, 0.6, 0.5],
        [0.5, 0.5, 0.5, 0.5],
        [float("nan"), 0, 1, 1],
        [0, 0, float("inf"), 1],
        [-1e308, -1e308, -1e307, 1e308],
    ],
)
def test_a_box_that_is_none_is_left_out(box: Any) -> None:
    """Outside, of negative size or without area, NaN: the others stay."""
    assert boxes_of(ask(detector(), answer(box, [0.0, 0.0, 0.5, 0.5]))[0]) == [(0, 0, 320, 240)]


def test_a_box_whose_score_or_class_is_no_number_is_left_out() -> None:
    """And one whose class no label can have."""
    given = answer(
        *[WHOLE] * 5,
        scores=[float("nan"), 0.9, 0.9, 0.9, 0.8],
        classes=[1, float("nan"), float("inf"), 1e12, 3],
    )

    assert [finding.label for finding in ask(detector(), given)[0]] == ["car"]


def test_a_class_without_a_label_is_named_by_its_number() -> None:
    """Labels may be shorter than the classes."""
    assert [finding.label for finding in ask(detector(), answer(WHOLE, WHOLE, classes=[1, 17]))[0]] == [
        "person",
        "class 17",
    ]


def test_scores_beyond_0_to_1_are_nonsense() -> None:
    """A model that answers percent would otherwise be sure of everything."""
    assert "scores from 0 to 87" in is_nonsense(detector(), answer(WHOLE, WHOLE, scores=[87.0, 0.0]))
    assert "scores from -0.5" in is_nonsense(detector(), answer(WHOLE, scores=[-0.5]))


@pytest.mark.parametrize(("count", "found"), [(1, 1), (0, 0), (3, 2), (-4, 0), (1e30, 2)])
def test_only_num_detections_are_read(count: float, found: int) -> None:
    """What is behind them is padding; a count beyond the boxes is that of the boxes."""
    assert len(ask(detector(), answer(WHOLE, WHOLE, count=count))[0]) == found


def test_classes_and_count_may_be_missing() -> None:
    """A face detector has one class: the labels' lowest. MLServer's [n, 1] is [n]."""
    given = answer(WHOLE)
    given = {name: given[name] for name in ("detection_boxes", "detection_scores")}

    assert ask(detector(), given)[0][0].label == "person"
    assert len(ask(detector(), answer(WHOLE, WHOLE) | {"num_detections": np.array([[1.0]])})[0]) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"detection_boxes": np.zeros((1, 2, 5))},
        {"detection_boxes": np.zeros((1, 3, 4))},
        {"detection_boxes": np.zeros((2, 2, 4))},
        {"detection_boxes": np.zeros((2, 4))},
        {"detection_boxes": np.full((1, 2, 4), "a")},
        {"detection_scores": np.zeros((1, 2, 1))},
        {"detection_scores": np.array(0.5)},
        {"detection_scores": np.zeros((1, 2), bool)},
        {"detection_classes": np.zeros((1, 3))},
        {"detection_classes": np.full((1, 2), None)},
        {"num_detections": np.array([1.0, 1.0])},
        {"num_detections": np.array([float("nan")])},
        {"num_detections": np.array(["2"])},
    ],
)
def test_an_answer_of_other_shapes_is_nonsense(changes: Any) -> None:
    """None of them ends the loop."""
    is_nonsense(detector(), answer(WHOLE, WHOLE) | changes)
    is_nonsense(detector(Signature(), output={"format": "boxes"}), answer(WHOLE, WHOLE) | changes)


def test_a_missing_output_is_named() -> None:
    """The message says which one."""
    assert "no detection_scores" in is_nonsense(detector(), {"detection_boxes": np.zeros((1, 1, 4))})


def test_no_boxes_are_no_findings() -> None:
    """k may be 0."""
    assert ask(detector(), answer()) == [()]


def test_a_batch_has_the_boxes_of_each_picture() -> None:
    """Each in pixels of its own frame."""
    kind = detector()
    request = kind.request([picture(640, 480), picture(100, 50)], [None, None])
    twice = {name: np.concatenate([values] * 2) for name, values in answer([0.5, 0.5, 1.0, 1.0]).items()}

    assert [boxes_of(one) for one in kind.findings(twice, request)] == [[(320, 240, 320, 240)], [(50, 25, 50, 25)]]
    assert request.inputs["images"].shape == (2, 300, 300, 3)


def test_a_document_that_says_boxes_contradicts_a_model_without() -> None:
    """The line names what the model gives."""
    with pytest.raises(
        Contradiction, match=r"output.format: boxes.*the server's model gives out float32 \[-1, 84, 8400\]"
    ):
        detector(signature({}, {"out": (-1, 84, 8400)}), output={"format": "boxes"})
    with pytest.raises(Contradiction, match=r"detection_boxes .* needed; the server's model gives a .*, b "):
        detector(signature({}, {"a": (-1, 10), "b": (-1, 10)}))
    with pytest.raises(Contradiction, match=r"output\.format: scores; allowed for detection: auto, boxes, yolo"):
        detector(output={"format": "scores"})
