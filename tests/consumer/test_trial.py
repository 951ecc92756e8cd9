"""`python -m consumer --try`, as a process and from within."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from consumer import trial
from consumer.settings import ConsumerSettings
from shared.frames import pixels
from tests.consumer import rest, tf_model
from tests.consumer.frames import jpeg
from tests.consumer.rest import Rest
from tests.consumer.tf_model import FACE
from tests.suite import Program


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the settings of this machine's environment."""
    for field in ConsumerSettings.model_fields.values():
        monkeypatch.delenv(str(field.validation_alias), raising=False)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.jpg"
    path.write_bytes(jpeg())
    return path


@pytest.fixture
def faces() -> Iterator[Rest]:
    with Rest(tf_model.detector(FACE)) as server:
        yield server


def document(folder: Path, monkeypatch: pytest.MonkeyPatch, **models: dict[str, Any]) -> None:
    path = folder / "models.json"
    path.write_text(json.dumps({"models": models}))
    monkeypatch.setenv("MODELSFILE", str(path))


def faces_of(server: Rest, **further: Any) -> dict[str, Any]:
    return {"kind": "detection", "url": server.predict_url, "labels": {1: "face"}, **further}


def test_it_prints_shapes_time_and_findings_and_writes_what_would_be_drawn(
    tmp_path: Path, picture: Path, faces: Rest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a shadow as well; the picture has the size of the frame."""
    document(tmp_path, monkeypatch, faces=faces_of(faces, draw=False))
    out = tmp_path / "out.jpg"

    assert trial.main(["faces", str(picture), str(out)]) == 0

    said = capsys.readouterr().out.splitlines()
    assert said[0] == "model     faces: detection, tfserving"
    assert said[1] == f"picture   320x192, {len(jpeg())} bytes of JPEG"
    assert said[2] == "takes     images bytes [-1]"
    assert "detection_boxes float32 [-1, 1, 4]" in said[3]
    assert said[4] == "request   images bytes [1]"
    assert said[5].startswith("time      ")
    assert "detection_boxes" in said[6]
    assert said[7] == "findings  1, of which 1 are shown (threshold 0.5)"
    assert said[8] == "  0.900  face (class 1)  box x 80 y 48, 80x96"
    drawn = pixels.decode(out.read_bytes())
    assert drawn.shape == (192, 320, 3)
    changed = np.abs(drawn.astype(int) - pixels.decode(jpeg()).astype(int)).max(axis=2) > 60
    assert changed[48:144, 80:160].any(), "the box is drawn"


def test_a_model_on_boxes_is_asked_after_the_other(
    tmp_path: Path, picture: Path, faces: Rest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a box there is nothing to ask it about, and that is said."""
    with Rest(tf_model.emotion_model()) as emotions:
        mood = {"kind": "emotion", "url": emotions.predict_url, "crops": {"of": "faces", "labels": ["face"]}}
        document(tmp_path, monkeypatch, faces=faces_of(faces), mood=mood)
        assert trial.main(["mood", str(picture)]) == 0
        assert "  0.900  happy (class 3)  box x 80 y 48, 80x96" in capsys.readouterr().out

        document(tmp_path, monkeypatch, faces=faces_of(faces, threshold=0.99), mood=mood)
        assert trial.main(["mood", str(picture)]) == 1
        assert "faces finds nothing in the picture that mood could look at" in capsys.readouterr().err


def test_a_png_is_asked_about_as_a_jpeg(
    tmp_path: Path, faces: Rest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Frames are JPEG; whoever tries a model has any picture."""
    document(tmp_path, monkeypatch, faces=faces_of(faces))
    assert cv2.imwrite(str(tmp_path / "picture.png"), np.zeros((192, 320, 3), np.uint8))

    assert trial.main(["faces", str(tmp_path / "picture.png")]) == 0

    assert "picture   320x192" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (rest.status(503), "faces: HTTP 503"),
        (rest.status(200, {"predictions": 3}), "faces: "),
        (tf_model.classifier(), "faces: "),
    ],
)
def test_a_model_that_fails_is_one_line(
    tmp_path: Path,
    picture: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    behaviour: rest.Behaviour,
    said: str,
) -> None:
    """The server's message, or what contradicts; status 1."""
    with Rest(behaviour) as server:
        document(tmp_path, monkeypatch, faces=faces_of(server))

        assert trial.main(["faces", str(picture)]) == 1

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"consumer: {said}")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 2, "usage: python -m consumer --try NAME PICTURE [OUT.jpg]"),
        (["imagenet_1"], 2, "usage: "),
        (["imagenet_1", "a", "b", "c"], 2, "usage: "),
        (["nobody", "a.jpg"], 2, "consumer: --try: got the model 'nobody'; allowed: imagenet_1"),
        (["imagenet_1", "/nowhere.jpg"], 1, "consumer: /nowhere.jpg: No such file or directory"),
        (["imagenet_1", __file__], 1, f"consumer: {__file__}: not a picture that OpenCV can read"),
    ],
)
def test_a_wrong_command_is_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, said: str
) -> None:
    """The models are those of the settings."""
    assert trial.main(arguments) == status

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(said)


def test_it_is_an_option_of_the_consumer(picture: Path) -> None:
    """No broker is looked for; a model server that is not there is named."""
    with Program("consumer", "--try", "imagenet_1", str(picture)) as program:
        assert program.waits() == 1

    assert program.lines[-1].startswith("consumer: imagenet_1: cannot reach http://tfserving-service:8501")
