"""The labels' files that the consumer ships are what the packages say."""

import json
from importlib.resources import files
from pathlib import Path

import pytest

from tfserving.models.emonet import EMOTIONS
from tfserving.models.labels import as_text, emonet_labels, imagenet_labels, main


def test_the_shipped_imagenet_labels_equal_the_packages() -> None:
    """`python -m tfserving.labels --out consumer/assets/imagenetLabels.json` writes them."""
    shipped = files("consumer").joinpath("assets", "imagenetLabels.json").read_text(encoding="utf-8")

    assert shipped == as_text(imagenet_labels())
    assert json.loads(shipped)["0"] == "tench, Tinca tinca"
    assert list(json.loads(shipped)) == [str(number) for number in range(1000)]


def test_the_shipped_emotions_are_in_the_networks_order() -> None:
    """The original's file has the same seven."""
    shipped = files("consumer").joinpath("assets", "emonetLabels.json").read_text(encoding="utf-8")

    assert shipped == as_text(emonet_labels())
    assert tuple(json.loads(shipped).values()) == EMOTIONS


def test_the_command_writes_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Or says in one line why it cannot."""
    assert main(["--out", str(tmp_path / "labels.json")]) == 0
    assert json.loads((tmp_path / "labels.json").read_text(encoding="utf-8")) == imagenet_labels()

    assert main(["--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
