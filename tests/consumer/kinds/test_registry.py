"""Kinds by name, and their labels."""

import json

import pytest

from consumer.kinds import default_labels, kind_names, make_kind
from consumer.kinds.classification import Classification
from consumer.kinds.detection import Detection
from consumer.kinds.emotion import Emotion
from consumer.servers.errors import Contradiction
from consumer.tensors import Signature
from shared.packages import data_file
from tests.consumer.kinds.models import spec


def test_three_kinds_are_there_without_another_package() -> None:
    """Each with packaged labels."""
    assert kind_names() >= {"classification", "detection", "emotion"}
    for kind, made in (("classification", Classification), ("detection", Detection), ("emotion", Emotion)):
        assert isinstance(make_kind(spec(kind), Signature(), {}), made)
    assert [default_labels(kind) for kind in ("classification", "detection", "emotion", "nix")] == [
        "imagenet",
        "coco",
        "emotions",
        {},
    ]


def test_a_kind_that_does_not_exist_is_named_with_those_that_do() -> None:
    """It is a line in /readyz."""
    with pytest.raises(Contradiction, match=r"there is no kind nix; allowed: classification, detection, emotion"):
        make_kind(spec("nix"), Signature(), {})


def test_the_labels_of_coco_have_its_own_numbers() -> None:
    """80 names from 1 to 90, with ten gaps, as TensorFlow's detectors number their classes."""
    path = data_file("consumer", "assets/cocoLabels.json")
    assert path is not None
    labels = {int(number): label for number, label in json.loads(path.read_text()).items()}

    assert len(labels) == len(set(labels.values())) == 80
    assert sorted(set(range(1, 91)) - labels.keys()) == [12, 26, 29, 30, 45, 66, 68, 69, 71, 83]
    assert (labels[1], labels[3], labels[17], labels[90]) == ("person", "car", "cat", "toothbrush")
