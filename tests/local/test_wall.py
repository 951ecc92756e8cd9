"""What `make run` shows without settings is what the services accept."""

import json
from pathlib import Path

import pytest

from consumer.models_document import ModelsDocument
from local import plan, wall
from local.settings import LocalSettings
from producer.document import CamerasDocument
from shared.document import parse_document
from tfserving.models.collection import parse

SERVING = "http://127.0.0.1:8501"


def test_every_film_is_there_and_is_a_file() -> None:
    """The producer reads the document, and each source is a file of an installed package."""
    document = parse_document(wall.cameras_document(wall.films()), CamerasDocument)

    assert list(document.cameras) == [film.camera for film in wall.FILMS]
    for film in wall.FILMS:
        entry = document.cameras[film.camera]
        assert entry.title == film.title
        assert str(film.path()) in str(entry.source)
        assert film.path() is not None


def test_a_package_that_is_missing_leaves_its_films_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wall, "data_file", lambda package, file: None)

    assert [film.camera for film in wall.films()] == ["cat"]


@pytest.mark.parametrize("shows_wall", [True, False])
def test_the_models_are_those_that_the_local_server_has(shows_wall: bool) -> None:
    """Detection, classification and emotions; each at a rate, and emotions where the wall has faces."""
    document = parse_document(wall.models_document(SERVING, wall=shows_wall), ModelsDocument)
    served = {model.name for model in parse(wall.MODELS)}

    assert [entry.kind for entry in document.models.values()] == ["detection", "classification", "emotion"]
    assert {entry.url for entry in document.models.values()} == {
        f"{SERVING}/v1/models/{name}:predict" for name in served
    }
    assert all(entry.rate for entry in document.models.values())
    assert document.models["emotion"].cameras == (("car", "astronaut") if shows_wall else ("*",))


@pytest.mark.parametrize(
    ("configured", "written"),
    [
        ({}, {"cameras.json", "models.json"}),
        ({"VIDEOLINK": str(wall.FILMS[1].path())}, {"models.json"}),
        ({"CAMERASFILE": "/cameras.yaml"}, {"models.json"}),
        ({"TFSERVING": "http://127.0.0.1:9"}, {"cameras.json"}),
        ({"MODELURLS": "{}"}, {"cameras.json"}),
        ({"MODELSFILE": "/models.yaml"}, {"cameras.json"}),
    ],
)
def test_what_is_configured_is_left_alone(
    configured: dict[str, str], written: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A camera that is named is the only one; a model server that is named is the only one asked."""
    for name, value in configured.items():
        monkeypatch.setenv(name, value)

    variables = plan.write_documents(tmp_path, LocalSettings(), configured, serving=SERVING)

    assert {path.name for path in tmp_path.iterdir()} == written
    named = [path for variable in variables.values() for name, path in variable.items() if name.endswith("FILE")]
    assert {Path(path).name for path in named} == written
    # On a Kafka of the user's, the wall must not take part in the group of the producers there.
    assert variables.get("producer", {"GROUPNAME": ""})["GROUPNAME"] == ""
    for path in tmp_path.iterdir():
        json.loads(path.read_text())
