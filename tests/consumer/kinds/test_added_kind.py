"""The worked example of docs/kinds.md: a kind of another package, installed by pip and asked for by its name."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.frames import pixels
from tests.consumer.frames import jpeg
from tests.consumer.rest import Rest
from tests.consumer.tf_model import Sizes, TfModel
from tests.suite import ROOT, bare_environment

EXAMPLE = ROOT / "docs" / "examples" / "pose"
ASK = """
import json, sys
import numpy as np
from consumer.kinds import default_labels, kind_names, make_kind
from consumer.model_spec import ModelEntry, named
from consumer.tensors import Signature, TensorSpec
from tests.consumer.kinds.models import picture

spec = named("people", ModelEntry(kind="pose", url="http://h/v1/models/pose:predict"))
outputs = {name: TensorSpec(name, "float32", (-1, -1)) for name in json.loads(sys.argv[1])}
kind = make_kind(spec, Signature({}, outputs), default_labels("pose"))
request = kind.request([picture(640, 480)], [None])
answer = {
    "detection_boxes": np.array(
        [[[0.25, 0.25, 0.75, 0.5], [0, 0, float("nan"), 1], [0.5, 0.5, 0.4, 0.4], [0, 0, 1, 1]]]
    ),
    "detection_scores": np.array([[0.75, 0.9, 0.8, 0.1]]),
    "detection_keypoints": np.tile(np.array([[0.5, 0.25], [2.0, -1.0]]), (1, 4, 1, 1)),
}
(findings,) = kind.findings(answer, request)
print(json.dumps([sorted(kind_names()), [finding.as_json() for finding in findings]]))
"""
OUTPUTS = ["detection_boxes", "detection_scores", "detection_keypoints"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the example as its reader does, without the network; return the folder."""
    folder = tmp_path_factory.mktemp("packages")
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    source = tmp_path_factory.mktemp("source") / "pose"  # building leaves files beside the source
    source.mkdir()
    for path in EXAMPLE.glob("*.*"):
        (source / path.name).write_bytes(path.read_bytes())
    done = subprocess.run([*command, f"--target={folder}", source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def ask(packages: Path | None, outputs: list[str]) -> Any:
    """Ask a kind named `pose` in a process that finds packages there."""
    path = os.pathsep.join([str(ROOT), *([str(packages)] if packages else [])])
    environment = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, "-c", ASK, json.dumps(outputs)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr


def test_a_kind_of_another_package_is_found_by_its_name(installed: Path) -> None:
    """Its findings have boxes and points in pixels of the frame; what is no person is left out."""
    names, findings = ask(installed, OUTPUTS)

    assert names == ["classification", "detection", "emotion", "pose"]
    assert findings == [
        {
            "class": 1,
            "label": "person",
            "probability": 0.75,
            "box": [160, 120, 160, 240],
            "points": [[160, 240], [0, 479]],
        }
    ]


def test_one_picture_is_asked_about_with_it(installed: Path, tmp_path: Path) -> None:
    """As its reader tries it: `python -m consumer --try`, with a server that knows people."""

    def people(instances: list[Any]) -> list[Any]:
        points = [[0.5, 0.25 + index / 100] for index in range(17)]
        found = {
            "detection_boxes": [[0.25, 0.25, 0.75, 0.5]],
            "detection_scores": [0.75],
            "detection_keypoints": [points],
        }
        return [found] * len(instances)

    gives: dict[str, Sizes] = {
        "detection_boxes": [-1, 1, 4],
        "detection_scores": [-1, 1],
        "detection_keypoints": [-1, 1, 17, 2],
    }
    picture, out = tmp_path / "picture.jpg", tmp_path / "out.jpg"
    picture.write_bytes(jpeg())
    with Rest(TfModel(people, gives=gives)) as server:
        document = tmp_path / "models.yaml"
        document.write_text(f"models: {{people: {{kind: pose, url: '{server.predict_url}'}}}}\n")
        environment = bare_environment() | {
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(installed)]),
            "MODELSFILE": str(document),
        }
        command = [sys.executable, "-m", "consumer", "--try", "people", str(picture), str(out)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)

    assert done.returncode == 0, done.stderr
    assert "model     people: pose, tfserving" in done.stdout
    assert "0.750  person (class 1)  box x 80 y 48, 80x96" in done.stdout
    changed = np.abs(pixels.decode(out.read_bytes()).astype(int) - pixels.decode(jpeg()).astype(int)).max(axis=2) > 60
    assert changed[48:144, 80:160].any(), "the person is drawn"


def test_without_the_package_the_kind_does_not_exist() -> None:
    """The message says which kinds there are."""
    assert "there is no kind pose; allowed: classification, detection, emotion" in ask(None, OUTPUTS)


def test_its_contradictions_are_the_consumer_s(installed: Path) -> None:
    """A detector without key points is no model for it."""
    assert "Contradiction: a pose needs the outputs detection_keypoints" in ask(installed, OUTPUTS[:2])
