"""The boxes of one model that another one looks at."""

from consumer.crops import MOST_REGIONS, regions
from consumer.model_spec import CropsSpec
from consumer.prediction import Finding
from tests.consumer.frames import CAT, frame, prediction


def found(*findings: Finding, crops: CropsSpec) -> list[tuple[int, int, int, int]]:
    return list(regions(prediction(frame(), *findings), crops, frame()))


def test_boxes_of_the_named_labels_are_looked_at() -> None:
    """The most probable first; a finding about the whole picture has no box."""
    face, other = Finding(1, "face", 0.9, (10, 20, 30, 40)), Finding(2, "hand", 0.8, (1, 2, 3, 4))

    assert found(face, other, CAT, crops=CropsSpec(of="faces", labels=("face",))) == [(10, 20, 30, 40)]
    assert found(face, other, CAT, crops=CropsSpec(of="faces")) == [(10, 20, 30, 40), (1, 2, 3, 4)]


def test_boxes_are_cut_to_the_frame_and_those_outside_are_left_out() -> None:
    """The frame is 320x192; the other model may say anything."""
    boxes = [(-10, -10, 30, 30), (300, 180, 100, 100), (400, 10, 5, 5), (10, 10, -5, 5), (10, 10, 0, 0), (-9, 0, 9, 9)]
    findings = [Finding(1, "face", 0.9, box) for box in boxes]

    assert found(*findings, crops=CropsSpec(of="faces")) == [(0, 0, 20, 20), (300, 180, 20, 12)]


def test_there_is_a_bound() -> None:
    """A row of the request for each box."""
    crowd = [Finding(1, "face", 0.9, (number, 0, 10, 10)) for number in range(100)]

    assert len(found(*crowd, crops=CropsSpec(of="faces"))) == MOST_REGIONS
