"""Whether a shadow says the same as the model that it is compared with."""

import pytest
from prometheus_client import CollectorRegistry

from consumer.agreement import REMEMBERED, Agreement, agree, iou
from consumer.metrics import PredictionMetrics
from consumer.prediction import Finding, Prediction
from shared.reports import MODEL_FIGURES_S
from tests.consumer.clock import Clock
from tests.consumer.frames import CAT, frame, prediction

DOG = Finding(207, "golden retriever", 0.9)
PERSON = Finding(1, "person", 0.9, (10, 10, 100, 200))
BESIDE = Finding(1, "person", 0.8, (300, 10, 100, 200))
CAR = Finding(3, "car", 0.7, (10, 10, 100, 200))


def near(finding: Finding, by: int = 5) -> Finding:
    """Return a finding whose box is a little elsewhere."""
    assert finding.box is not None
    x, y, width, height = finding.box
    return Finding(finding.class_, finding.label, 0.6, (x + by, y, width, height))


@pytest.mark.parametrize(
    ("findings", "others", "same"),
    [
        ((), (), True),
        ((CAT,), (), False),
        ((CAT, DOG), (CAT,), True),
        ((CAT, DOG), (DOG, CAT), False),
        ((PERSON, BESIDE), (near(BESIDE), near(PERSON)), True),
        ((PERSON,), (near(PERSON, by=60),), False),
        ((PERSON,), (CAR,), False),
        ((PERSON, BESIDE), (near(PERSON),), False),
        ((PERSON, PERSON), (PERSON, BESIDE), False),
        ((PERSON, CAR), (CAR, PERSON), True),
        ((PERSON,), (Finding(5, "person", 0.3),), True),
    ],
)
def test_two_models_agree_on_the_top_label_or_on_all_boxes(
    findings: tuple[Finding, ...], others: tuple[Finding, ...], same: bool
) -> None:
    """Each box needs a partner of its own, with the same label, half of whose area is common; either way round."""
    assert agree(findings, others) is same
    assert agree(others, findings) is same


def test_the_overlap_is_a_share_of_the_union() -> None:
    """From nothing to all."""
    assert iou((0, 0, 10, 10), (0, 0, 10, 10)) == 1.0
    assert iou((0, 0, 10, 10), (10, 0, 10, 10)) == 0.0
    assert iou((0, 0, 10, 10), (0, 5, 10, 10)) == pytest.approx(1 / 3)
    assert iou((0, 0, 0, 0), (0, 0, 10, 10)) == 0.0


class Comparison:
    """A shadow, its reference, and what is counted."""

    def __init__(self, clock: Clock) -> None:
        self.registry = CollectorRegistry()
        self.agreement = Agreement("new", "old", PredictionMetrics(self.registry), clock)

    def says(self, model: str, seq: int, *findings: Finding, camera: str = "front") -> None:
        self.agreement.add(self.prediction(model, seq, *findings, camera=camera))

    @staticmethod
    def prediction(model: str, seq: int, *findings: Finding, camera: str = "front") -> Prediction:
        return prediction(frame(camera, seq), *findings, model=model)

    def count(self, agrees: bool, camera: str = "front") -> float | None:
        labels = {"model": "new", "reference": "old", "camera": camera, "agrees": str(agrees).lower()}
        return self.registry.get_sample_value("consumer_model_agreement_total", labels)


@pytest.fixture
def comparison(clock: Clock) -> Comparison:
    return Comparison(clock)


def test_answers_about_the_same_frame_are_compared_whoever_answers_first(comparison: Comparison) -> None:
    """And each only once."""
    comparison.says("old", 1, CAT)
    comparison.says("new", 1, CAT)
    comparison.says("new", 2, DOG)
    comparison.says("old", 2, CAT)
    comparison.says("new", 2, CAT)

    assert (comparison.count(True), comparison.count(False)) == (1, 1)
    assert comparison.agreement.last() == (2, 0.5)


def test_answers_about_different_frames_are_not_compared(comparison: Comparison) -> None:
    """Of another number, or of another camera."""
    comparison.says("old", 1, CAT)
    comparison.says("new", 2, CAT)
    comparison.says("new", 1, CAT, camera="yard")

    assert comparison.count(True) is None
    assert comparison.agreement.last() == (0, None)


def test_the_share_is_of_the_last_seconds(comparison: Comparison, clock: Clock) -> None:
    """The counts are of the whole time."""
    comparison.says("old", 1, CAT)
    comparison.says("new", 1, DOG)
    clock.now += MODEL_FIGURES_S + 1
    comparison.says("old", 2, CAT)
    comparison.says("new", 2, CAT)

    assert comparison.agreement.last() == (1, 1.0)
    assert (comparison.count(True), comparison.count(False)) == (1, 1)


def test_answers_that_find_no_partner_are_forgotten(comparison: Comparison) -> None:
    """A shadow that never answers costs no memory."""
    for seq in range(REMEMBERED + 10):
        comparison.says("old", seq, CAT)

    comparison.says("new", 5, CAT)
    assert comparison.count(True) is None
    comparison.says("new", REMEMBERED + 5, CAT)
    assert comparison.count(True) == 1


def test_the_counts_go_with_the_models(comparison: Comparison) -> None:
    """A model that was removed leaves no label behind."""
    comparison.says("old", 1, CAT)
    comparison.says("new", 1, CAT)

    comparison.agreement.close()

    assert comparison.count(True) is None
    assert comparison.count(False) is None
